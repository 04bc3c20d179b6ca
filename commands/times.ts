/** Times in words: in the zone of whoever reads them, as far as the platform or the reader says which that is. */
import type { Invocation } from '../adapters/adapter.ts';
import { traitsOf } from '../adapters/platforms.ts';
import { markTime, utcTime } from '../adapters/times.ts';
import type { Say } from '../src/sentences.ts';

/** @param at milliseconds since 1970 */
export function timeWords(
  at: number,
  { invocation, say }: { readonly invocation: Pick<Invocation, 'platform' | 'where'>; readonly say: Say },
): string {
  if (traitsOf(invocation.platform).capabilities.times) return markTime(at);
  const { zone } = invocation.where;
  if (zone === undefined) return utcTime(at);
  return new Intl.DateTimeFormat(say.locale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: zone,
  }).format(at);
}
