/** Plans the download of one file from its address. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { type Address, fileName } from './address.ts';
import { ask, type Patience, persist } from './ask.ts';
import type { Plan } from './plan.ts';
import type { RemoteFile } from './remote.ts';

interface UrlOptions {
  readonly patience: Patience;
  readonly signal?: AbortSignal | undefined;
}

/** @throws DarkroomError that says what the server answered */
export async function planFromUrl({ url }: Address & { kind: 'url' }, options: UrlOptions): Promise<Plan> {
  const refuse = (response: Response) => refusal(response, url);
  const { bytes, headers } = await measure({ url, refuse }, options);
  const name = fileName(nameOf(headers) ?? decodeLast(url.pathname), url.host);
  const etag = headers.get('etag');
  const isStrong = etag !== null && /^"[^"]*"$/.test(etag);
  // An address may carry a signature that opens it.
  const page = `${url.origin}${url.pathname}`;
  return {
    name: name.replace(/\.[^.]+$/, ''),
    isFolder: false,
    files: [{ url, path: name, label: name, bytes, refuse, ...(isStrong && { etag }) }],
    origin: { source: page, page },
    notes: [sentence('download.no_sha256')],
  };
}

/**
 * Bytes of a file, asked for by its first one: not every server answers HEAD.
 * @throws DarkroomError('unsupported') where the server does not say it
 */
export async function measure(
  { url, token, refuse }: Pick<RemoteFile, 'url' | 'token' | 'refuse'>,
  { patience, signal }: UrlOptions,
): Promise<{ readonly bytes: number; readonly headers: Headers }> {
  return persist(
    async () => {
      const response = await ask(url, { token, signal, headers: { range: 'bytes=0-0' } });
      await response.body?.cancel();
      if (!response.ok) throw refuse(response);
      const { headers } = response;
      // Packed, its length is not the file's.
      if ((headers.get('content-encoding') ?? 'identity') !== 'identity')
        throw new DarkroomError('unsupported', sentence('download.packed', { host: url.host }));
      const total = /^bytes 0-0\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
      const bytes = Number(
        total ?? (response.status === 200 ? headers.get('content-length') : null) ?? Number.NaN,
      );
      if (Number.isSafeInteger(bytes) && bytes > 0) return { bytes, headers };
      throw new DarkroomError('unsupported', sentence('download.no_size', { host: url.host }));
    },
    { patience, signal },
  );
}

/** RFC 6266: `filename*` wins over `filename`. */
function nameOf(headers: Headers): string | undefined {
  const text = headers.get('content-disposition') ?? '';
  const [, encoded] = /filename\*\s*=\s*utf-8''([^;]+)/i.exec(text) ?? [];
  if (encoded !== undefined) return decodeLast(encoded.trim());
  return /filename\s*=\s*"([^"]+)"/i.exec(text)?.[1] ?? /filename\s*=\s*([^;\s]+)/i.exec(text)?.[1];
}

function decodeLast(path: string): string {
  const last = path.split('/').at(-1)!;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function refusal(response: Response, { host, pathname }: URL): DarkroomError {
  const { status } = response;
  if (status === 401 || status === 403)
    return new DarkroomError(
      'forbidden',
      sentence('download.not_readable', { host, path: pathname, status }),
    );
  return new DarkroomError('not_found', sentence('download.url_status', { host, status, path: pathname }));
}
