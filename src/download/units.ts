/** Bytes and times in words. */
import { type Sentence, sentence } from '../sentences.ts';

/** `6.9 GB`, in decimal units as hubs show them. */
export function inUnits(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[power]}`;
}

/** `3.1 GB of 6.9 GB, 24 MB a second, 2 min left` @param since bytes that were there at the start */
export function describeBytes(
  bytes: number,
  total: number,
  { seconds, since }: { readonly seconds: number; readonly since: number },
): Sentence {
  const share = { bytes: inUnits(bytes), total: inUnits(total) };
  const rate = seconds > 0 ? (bytes - since) / seconds : 0;
  if (rate <= 0 || bytes >= total) return sentence('download.share', share);
  const left = (total - bytes) / rate;
  const time =
    left < 90
      ? sentence('download.seconds', { count: Math.ceil(left) })
      : sentence('download.minutes', { count: Math.ceil(left / 60) });
  return sentence('download.pace', { ...share, rate: inUnits(rate), time });
}
