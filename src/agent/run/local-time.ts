import { failed, type Result, success } from '../failure.ts';

/**
 * The wall clock of a time zone as QEMU's `-rtc base=` wants it, `YYYY-MM-DDTHH:MM:SS`. Fails with `TimeZoneUnknown`.
 *
 * Windows 98 keeps local time in the machine's clock. QEMU's own `base=localtime` reads it from the C library, which
 * takes a zone that it doesn't know (or whose data isn't in the image) for UTC without a word; Node carries the zones'
 * data and refuses. Both are read once, when QEMU starts, and the clock runs on from there: when daylight saving
 * begins or ends under a running guest, Windows 98 moves the clock itself, and a guest's reboot keeps what it set. At
 * the next start of QEMU the right time of that day is computed anew.
 */
export function localTime(milliseconds: number, timeZone: string): Result<string> {
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    }).formatToParts(milliseconds);
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? '';
    const date = `${part('year')}-${part('month')}-${part('day')}`;
    return success(`${date}T${part('hour')}:${part('minute')}:${part('second')}`);
  } catch (error) {
    if (error instanceof RangeError) {
      return failed(
        'TimeZoneUnknown',
        `The time zone ${JSON.stringify(timeZone)} isn't known. Set machine.timeZone to a name like Europe/Berlin.`,
      );
    }
    throw error;
  }
}
