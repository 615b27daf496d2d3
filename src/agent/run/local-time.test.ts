import { describe, expect, it } from 'vitest';
import { localTime } from './local-time.ts';

describe("the guest's clock at start", () => {
  it.each([
    ['UTC', '2026-07-01T00:00:00Z', '2026-07-01T00:00:00'],
    ['Europe/Berlin', '2026-07-01T22:30:00Z', '2026-07-02T00:30:00'],
    ['Europe/Berlin', '2026-10-25T00:59:59Z', '2026-10-25T02:59:59'],
    ['Europe/Berlin', '2026-10-25T01:00:00Z', '2026-10-25T02:00:00'],
    ['America/New_York', '2026-01-01T04:59:59Z', '2025-12-31T23:59:59'],
    ['Asia/Kolkata', '2026-01-01T00:00:00Z', '2026-01-01T05:30:00'],
  ])('is the wall clock of %s at %s', (zone, instant, wall) => {
    expect(localTime(Date.parse(instant), zone)).toEqual({ ok: true, value: wall });
  });

  it.each(['', 'Europe/Atlantis', '../../etc/passwd'])('is refused in the zone %j, not taken for UTC', (zone) => {
    expect(localTime(0, zone)).toMatchObject({ ok: false, failure: { reason: 'TimeZoneUnknown' } });
  });
});
