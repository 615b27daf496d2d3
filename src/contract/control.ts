import { z } from 'zod';

/**
 * Body of `POST /control` on the agent. `Screenshot` answers with `image/png`; `SerialWrite` types a text into the
 * guest's first serial port and answers 204.
 */
export const controlRequestSchema = z.discriminatedUnion('action', [
  z.object({ action: z.literal('Screenshot') }),
  z.object({ action: z.literal('SerialWrite'), text: z.string().max(4096) }),
]);

export type ControlRequest = z.infer<typeof controlRequestSchema>;
