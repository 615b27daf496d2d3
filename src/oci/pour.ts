import type { Transform } from 'node:stream';

/**
 * Writes a blob into its decompressor, and reads it to its end, for its hash, also when the compressed stream ends
 * before: a pipeline would wait for ever for somebody to take what is behind, and a write that the decompressor breaks
 * at is never answered. Ends early when the decompressor is given up. An error of the blob becomes the decompressor's.
 * @param blob a piece may be used again once the next one is asked for
 */
export async function pour(blob: AsyncIterable<Buffer>, decompressor: Transform): Promise<void> {
  let over = false;
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close'] as const) decompressor.once(event, resolve);
  }).then(() => {
    over = true;
  });
  try {
    for await (const piece of blob) {
      if (decompressor.destroyed && !decompressor.readableEnded) return;
      if (!over) await Promise.race([ended, new Promise((resolve) => decompressor.write(piece, resolve))]);
    }
    if (!over) decompressor.end();
  } catch (error) {
    decompressor.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}
