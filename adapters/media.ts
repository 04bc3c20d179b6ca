/**
 * Fetches a picture that a platform holds. Only from hosts that the adapter names, never after a redirect to
 * another, within a size and a time: a message may carry any address.
 */
import { DarkroomError } from '../src/errors.ts';

export interface MediaRules {
  /** The platform's own host names, reached by https alone; one that starts with a dot stands for all below it. */
  readonly hosts: readonly string[];
  /** What the operator adds, e.g. a proxy or `127.0.0.1:8080`; by http as well. */
  readonly furtherHosts: readonly string[];
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** For hosts of the platform that ask who reads. */
  readonly headers?: Readonly<Record<string, string>>;
}

const REDIRECTS = 3;

/** @throws DarkroomError('forbidden' | 'not_found' | 'too_large' | 'bad_picture') */
export async function fetchMedia(address: string, rules: MediaRules): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(rules.timeoutMs);
  let url = checkAddress(address, rules);
  for (let i = 0; i <= REDIRECTS; i++) {
    const response = await get(url, rules, signal);
    const next = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || next === null) return await read(response, rules);
    await response.body?.cancel();
    url = checkAddress(new URL(next, url).href, rules);
  }
  throw new DarkroomError(
    'bad_picture',
    'The address of that picture leads in circles. Attach the picture again.',
  );
}

function checkAddress(address: string, { hosts, furtherHosts }: MediaRules): URL {
  const url = URL.parse(address);
  if (url?.protocol === 'https:' && [...hosts, ...furtherHosts].some((host) => isHost(url, host))) return url;
  if (url?.protocol === 'http:' && furtherHosts.some((host) => isHost(url, host))) return url;
  throw new DarkroomError(
    'forbidden',
    'Pictures are fetched from this chat alone. Attach the picture to your message.',
    { cause: new Error(`refused to fetch from ${url?.host ?? 'an address that cannot be read'}`) },
  );
}

/** `cdn.example.com`, `.example.com` for all below it, `127.0.0.1:8080` for one port. */
function isHost({ host, hostname }: URL, rule: string): boolean {
  const wanted = rule.toLowerCase();
  return wanted.startsWith('.') ? hostname.endsWith(wanted) : wanted === hostname || wanted === host;
}

async function get(url: URL, { headers }: MediaRules, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { redirect: 'manual', signal, ...(headers && { headers }) });
  } catch (cause) {
    throw new DarkroomError('not_found', 'That picture could not be fetched. Attach it again.', { cause });
  }
}

async function read(response: Response, { maxBytes }: MediaRules): Promise<Uint8Array> {
  if (!response.ok) {
    await response.body?.cancel();
    throw new DarkroomError('not_found', 'That picture is not there any more. Attach it again.', {
      cause: new Error(`the platform answered ${response.status}`),
    });
  }
  const tooLarge = () =>
    new DarkroomError(
      'too_large',
      `That picture is larger than ${Math.floor(maxBytes / 1024 / 1024)} MB. Send a smaller one.`,
    );
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > maxBytes) {
    await response.body?.cancel();
    throw tooLarge();
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ?? []) {
      size += part.length;
      // The header may lie, and a packed answer grows as it is read.
      if (size > maxBytes) throw tooLarge();
      parts.push(part);
    }
  } catch (cause) {
    if (cause instanceof DarkroomError) throw cause;
    throw new DarkroomError('not_found', 'That picture could not be read to its end. Attach it again.', {
      cause,
    });
  }
  return Buffer.concat(parts);
}
