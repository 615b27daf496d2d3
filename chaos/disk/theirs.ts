/** A file of the user's beside the disk, which nobody may touch. */
export const USER_FILE = { name: 'notes.txt', content: 'high score: 12,400\n' } as const;
/** Something in the quarantine from before: we never delete anything there. */
export const QUARANTINED = { name: 'disk.2026-01-01T00-00-00.000Z.0badcafe.json', content: '{"old":true}\n' } as const;
