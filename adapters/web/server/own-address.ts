/**
 * Addresses of this chat in the words of a message: a picture's, or that of a message that shows one, as `Copy link`
 * gives them. Such a picture is used as if the message replied to it; no address is ever fetched.
 */
import { type AccessOptions, basePathOf } from './access.ts';

interface OwnAddress {
  /** The words without it. */
  readonly text: string;
  readonly picture?: string;
  /** The message, and which of its pictures is meant, from 1. */
  readonly message?: string;
  readonly number?: number;
}

const ADDRESS = /<?(https?:\/\/[^\s<>]+)>?/g;
const PICTURE = /^\/api\/pictures\/([0-9a-f]{32})\.png$/;
const PLACE = /^#message-([0-9a-z]{1,64})(?:-(\d{1,2}))?$/;

/**
 * @param host as the request names it
 * @returns the first address of this chat, if there is one
 */
export function findOwnAddress(
  text: string,
  host: string | undefined,
  options: Pick<AccessOptions, 'publicUrl'>,
): OwnAddress | undefined {
  const base = basePathOf(options);
  const hosts = [host, options.publicUrl && new URL(options.publicUrl).host];
  for (const [whole, address] of text.matchAll(ADDRESS)) {
    const url = URL.parse(address!);
    if (url === null || !hosts.includes(url.host)) continue;
    const path = url.pathname.startsWith(`${base}/`) ? url.pathname.slice(base.length) : url.pathname;
    const rest = { text: text.replace(whole, '').trim() };
    const picture = PICTURE.exec(path)?.[1];
    if (picture !== undefined) return { ...rest, picture };
    const [, message, number] = PLACE.exec(url.hash) ?? [];
    if (message !== undefined && path === '/') {
      return { ...rest, message, ...(number !== undefined && { number: Number(number) }) };
    }
  }
  return undefined;
}
