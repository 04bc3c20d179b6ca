/** Days as somebody's clock shows them. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';

/** Longer ones are no names of time zones. */
const MOST_CHARACTERS = 64;

/**
 * @param zone of the IANA database: `Asia/Seoul`
 * @throws DarkroomError('bad_request') for a zone that does not exist
 */
export function createDays(zone: string): (at: number) => string {
  const format = formatOf(zone);
  return (at) => format.format(at);
}

function formatOf(zone: string): Intl.DateTimeFormat {
  try {
    // The format of en-CA is that of ISO 8601: 2026-11-27.
    const options = { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    if (zone.length <= MOST_CHARACTERS) return new Intl.DateTimeFormat('en-CA', options);
  } catch {
    // Answered below.
  }
  throw new DarkroomError(
    'bad_request',
    sentence('usage.bad_zone', { zone: zone.slice(0, MOST_CHARACTERS), example: 'Asia/Seoul' }),
  );
}
