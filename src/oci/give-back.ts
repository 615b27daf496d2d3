/**
 * Frees the memory of a buffer that nobody uses any more; what is still a view of it is empty from then on. The
 * collector would let a hundred MiB of such buffers come together before it frees any.
 */
export function giveBack(memory: ArrayBufferLike | undefined): void {
  if (memory instanceof ArrayBuffer) memory.transfer(0);
}
