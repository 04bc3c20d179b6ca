/**
 * Fetches a picture that a platform holds. A message may carry any address, and any host may answer with anything: only
 * hosts that the adapter names are asked, also after a redirect, within a size and a time.
 */
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';

export interface MediaRules {
  /** The platform's own host names, reached only by https; one that starts with a dot stands for all below it. */
  readonly hosts: readonly string[];
  /** What the operator adds, such as a proxy or `127.0.0.1:8080`; by http as well. */
  readonly furtherHosts: readonly string[];
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /**
   * For hosts of the platform that ask who reads, such as a token. They go to the platform's own hosts over TLS, and to
   * a further host only if it is this machine.
   */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Whether an address may be fetched. */
export function isAllowed(address: string, rules: Pick<MediaRules, 'hosts' | 'furtherHosts'>): boolean {
  const url = URL.parse(address);
  return url !== null && url.username === '' && (isOwn(url, rules) || isFurther(url, rules));
}

const MOST_REDIRECTS = 3;
/** @throws DarkroomError('forbidden' | 'not_found' | 'too_large' | 'bad_picture') */
export async function fetchMedia(address: string, rules: MediaRules): Promise<Uint8Array> {
  const url = requireAllowed(URL.parse(address), rules);
  return await follow(url, rules, AbortSignal.timeout(rules.timeoutMs));
}

async function follow(start: URL, rules: MediaRules, signal: AbortSignal): Promise<Uint8Array> {
  let url = start;
  for (let i = 0; i <= MOST_REDIRECTS; i++) {
    const response = await get(url, rules, signal);
    const { statusCode = 0, headers } = response;
    const isRedirect = statusCode >= 300 && statusCode < 400 && headers.location !== undefined;
    if (!isRedirect) return await read(response, rules);
    response.destroy();
    url = requireAllowed(URL.parse(headers.location!, url.href), rules);
  }
  throw new DarkroomError('bad_picture', sentence('media.redirected', { count: MOST_REDIRECTS }));
}

function requireAllowed(url: URL | null, rules: MediaRules): URL {
  const isSimple = url !== null && url.username === '' && url.password === '';
  if (isSimple && (isOwn(url, rules) || isFurther(url, rules))) return url;
  throw new DarkroomError('forbidden', sentence('media.only_here'), {
    cause: new Error(`refused to fetch from ${url?.host ?? 'an address that cannot be read'}`),
  });
}

const isOwn = (url: URL, { hosts }: Pick<MediaRules, 'hosts'>) =>
  url.protocol === 'https:' && url.port === '' && hosts.some((host) => isHost(url, host));

const isFurther = (url: URL, { furtherHosts }: Pick<MediaRules, 'furtherHosts'>) =>
  (url.protocol === 'https:' || url.protocol === 'http:') && furtherHosts.some((host) => isHost(url, host));

/** `cdn.example.com`, `.example.com` for all below it, `127.0.0.1:8080` for one port. */
function isHost({ host, hostname }: URL, rule: string): boolean {
  const wanted = rule.toLowerCase();
  return wanted.startsWith('.') ? hostname.endsWith(wanted) : wanted === hostname || wanted === host;
}

const isThisMachine = ({ hostname }: URL) =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);

/** Without fetch: its decoder of packed answers can fail after the time limit, where nobody can catch it. */
async function get(url: URL, rules: MediaRules, signal: AbortSignal): Promise<IncomingMessage> {
  const isTrusted = isOwn(url, rules) || (isFurther(url, rules) && isThisMachine(url));
  const headers = { 'accept-encoding': 'identity', ...(isTrusted && rules.headers) };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // A connection of its own: nothing of an answer that was cut off reaches the next one.
  const options = { headers, signal, agent: false } as const;
  const request =
    url.protocol === 'https:' ? httpsGet(url, options, resolve) : httpGet(url, options, resolve);
  // Both stay for as long as the connection does: an error may come after the answer was read or given up.
  request.on('error', reject).on('close', () => reject(new Error('the connection was closed')));
  try {
    const response = await promise;
    response.on('error', () => undefined);
    return response;
  } catch (cause) {
    throw new DarkroomError('not_found', sentence('media.not_fetched'), { cause });
  }
}

async function read(response: IncomingMessage, { maxBytes }: MediaRules): Promise<Uint8Array> {
  try {
    const { statusCode = 0, headers } = response;
    if (statusCode < 200 || statusCode >= 300) {
      throw new DarkroomError('not_found', sentence('media.gone'), {
        cause: new Error(`the platform answered ${statusCode}`),
      });
    }
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response as AsyncIterable<Uint8Array>) {
      size += part.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      parts.push(part);
    }
    return Buffer.concat(parts);
  } catch (cause) {
    if (cause instanceof DarkroomError) throw cause;
    throw new DarkroomError('not_found', sentence('media.cut_off'), {
      cause,
    });
  } finally {
    response.destroy();
  }
}

const tooLarge = (maxBytes: number) =>
  new DarkroomError('too_large', sentence('media.too_large', { limit: Math.floor(maxBytes / 1024 / 1024) }));
