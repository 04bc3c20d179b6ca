/**
 * Requests to servers that hold models. Redirects are followed here, since a hub hands its files to other hosts and the
 * token is for the hub only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError } from '../errors.ts';
import { type Sentence, sayWords, sentence } from '../sentences.ts';

interface Question {
  /** Sent as a bearer to the origin of the first address, and to no other. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface Patience {
  /** Times in a row that a request may fail without a byte of progress. */
  readonly tries: number;
  /** Milliseconds before the second try; doubled each time. */
  readonly pause: number;
  /** Milliseconds that a server may ask us to wait (Retry-After). */
  readonly longestWait: number;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly silence: number;
}

export const PATIENCE: Patience = { tries: 5, pause: 1000, longestWait: 300_000, silence: 30_000 };

const MOST_REDIRECTS = 8;
const REDIRECTS = [301, 302, 303, 307, 308];

/** The server asks for patience, or broke off: another try may succeed. */
export class TryAgain extends Error {
  /** Milliseconds that the server asked for. */
  readonly wait: number | undefined;

  readonly reason: Sentence;

  constructor(reason: Sentence, wait?: number, options?: { cause?: unknown }) {
    super(sayWords('en', reason), options);
    this.reason = reason;
    this.wait = wait;
  }
}

/** A server that sends a byte now and then makes progress, and would never come to an end. */
export class TooSlow extends TryAgain {}

/**
 * The answer behind all redirects.
 * @throws DarkroomError('forbidden') for a redirect that leads from https elsewhere, TryAgain for what may pass
 */
export async function ask(start: URL, { token, headers = {}, signal }: Question): Promise<Response> {
  let url = start;
  for (let i = 0; i <= MOST_REDIRECTS; i++) {
    const response = await get(
      url,
      {
        // A packed answer would have another length than the file.
        ...{ 'accept-encoding': 'identity', ...headers },
        ...(token !== undefined && url.origin === start.origin && { authorization: `Bearer ${token}` }),
      },
      signal,
    );
    const location = response.headers.get('location');
    if (!REDIRECTS.includes(response.status) || location === null) return requireCalm(response, url);
    await response.body?.cancel();
    const next = URL.parse(location, url.href);
    const isSafe = next?.protocol === 'https:' || (next?.protocol === 'http:' && url.protocol === 'http:');
    if (next === null || !isSafe || next.username !== '') {
      throw new DarkroomError('forbidden', sentence('download.not_https', { host: url.host }));
    }
    url = next;
  }
  throw new DarkroomError(
    'not_found',
    sentence('download.redirects', { host: start.host, limit: MOST_REDIRECTS }),
  );
}

async function get(
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'manual', ...(signal && { signal }) });
  } catch (cause) {
    throw new TryAgain(sentence('download.reason.unreachable', { host: url.host }), undefined, { cause });
  }
}

async function requireCalm(response: Response, { host }: URL): Promise<Response> {
  const { status } = response;
  if (status !== 429 && status < 500) return response;
  await response.body?.cancel();
  throw new TryAgain(
    sentence('download.reason.answered', { host, status }),
    readRetryAfter(response.headers.get('retry-after')),
  );
}

/** Seconds or a date (RFC 9110, section 10.2.3), as milliseconds from now. */
function readRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : undefined;
}

/**
 * Tries again what may pass.
 * @param attempt @returns whether it was an end; it says by `progressed` whether more is there than before
 * @throws DarkroomError('not_found') when patience is at its end, ('cancelled') where the signal said so
 */
export async function persist<T>(
  attempt: (progressed: () => void) => Promise<T>,
  { patience, signal }: { readonly patience: Patience; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  let slow = 0;
  for (let failures = 1; ; failures++) {
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      if (signal?.aborted === true)
        throw new DarkroomError('cancelled', sentence('download.stopped'), { cause: error });
      if (!(error instanceof TryAgain)) throw error;
      const wait = error.wait ?? patience.pause * 2 ** Math.max(0, failures - 1);
      if (wait > patience.longestWait) {
        throw new DarkroomError(
          'too_many',
          sentence('download.asks_to_wait', { what: error.reason, minutes: Math.ceil(wait / 60_000) }),
          { cause: error },
        );
      }
      if (error instanceof TooSlow) slow++;
      if (Math.max(failures, slow) >= patience.tries) {
        throw new DarkroomError(
          'not_found',
          sentence('download.failed_often', { what: error.reason, count: Math.max(failures, slow) }),
          { cause: error },
        );
      }
      await sleep(wait, undefined, { ...(signal && { signal }) }).catch(() => undefined);
    }
  }
}

/** A whole answer of bounded size. @throws DarkroomError('too_large'), TryAgain where it breaks off */
export async function readBounded(
  response: Response,
  most: number,
  host: string,
): Promise<Buffer<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > most)
        throw new DarkroomError('too_large', sentence('download.long_answer', { host, limit: most }));
      parts.push(part);
    }
  } catch (cause) {
    if (cause instanceof DarkroomError) throw cause;
    throw new TryAgain(sentence('download.reason.broke_off', { host }), undefined, { cause });
  }
  return Buffer.concat(parts);
}
