/**
 * Moments in the words of a card. Where a platform shows times, each reader sees them in their own zone; until an adapter
 * writes them in its platform's way they are marks that no keyboard types.
 */
const MARK = /\u{E000}(\d{1,12})\u{E001}/gu;

/** @param at milliseconds since 1970 */
export const markTime = (at: number): string => `\u{E000}${Math.floor(at / 1000)}\u{E001}`;

/** Half of a mark, where the text was cut. */
const CUT = /\u{E000}\d*(?=\u2026?$)/u;

/** @param show how the platform writes a time, given in seconds since 1970 */
export const showTimes = (text: string, show: (seconds: number) => string): string =>
  text.replaceAll(MARK, (_mark, seconds: string) => show(Number(seconds))).replace(CUT, '');

export const countTimes = (text: string): number => text.match(MARK)?.length ?? 0;

/** A time of day without its zone says nothing to people around the world. */
export const utcTime = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
