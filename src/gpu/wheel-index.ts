/** Finds wheels on an index of Python packages (PEP 503 as HTML, PEP 691 as JSON) and fetches them. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';

/** A file that a server names with its hash. */
export interface Download {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  readonly algorithm: 'sha256' | 'sha512';
  /** Hex. */
  readonly hash: string;
}

interface Requirement {
  readonly name: string;
  /** The whole version, or its beginning: "13" takes 13.2.86 and not 130. */
  readonly version: string;
}

/**
 * The oldest driver series for a major version of CUDA (CUDA's release notes, "CUDA Toolkit and Minimum Required Driver
 * Version for CUDA Minor Version Compatibility").
 */
export const leastDriver = (cuda: number): number => (cuda >= 13 ? 580 : 525);

/** What the provider of this onnxruntime needs; its build for CUDA 13 is the one on the index. */
export function requirements(runtimeVersion: string): Requirement[] {
  return [
    { name: 'onnxruntime-gpu', version: runtimeVersion },
    { name: 'nvidia-cuda-runtime', version: '13' },
    { name: 'nvidia-cuda-nvrtc', version: '13' },
    { name: 'nvidia-cublas', version: '13' },
    { name: 'nvidia-curand', version: '10' },
    { name: 'nvidia-cudnn-cu13', version: '9' },
  ];
}

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';
const MAX_PAGE = 32 * 2 ** 20;
/** Of a file's name, as file systems have it. */
const LONGEST_NAME = 255;
const SHA256 = /^[0-9a-f]{64}$/;

/** The index that pip is told to use, by PIP_INDEX_URL or its configuration files; undefined where it is told nothing. */
export async function configuredIndex(): Promise<string | undefined> {
  const { PIP_INDEX_URL, PIP_CONFIG_FILE, XDG_CONFIG_HOME } = process.env;
  if (PIP_INDEX_URL) return PIP_INDEX_URL;
  const config = XDG_CONFIG_HOME || join(homedir(), '.config');
  const files = [
    PIP_CONFIG_FILE,
    join(config, 'pip', 'pip.conf'),
    join(homedir(), '.pip', 'pip.conf'),
    '/etc/pip.conf',
  ];
  for (const file of files) {
    const text = file ? await readFile(file, 'utf8').catch(() => '') : '';
    const found = /^\s*index[-_]url\s*=\s*(\S+)/m.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The newest wheel for Linux on x86-64 that meets a requirement. @throws DarkroomError where there is none */
export async function findWheel(index: string, { name, version }: Requirement): Promise<Download> {
  const page = `${index.replace(/\/+$/, '')}/${name}/`;
  const response = await request(page, { accept: `${JSON_TYPE}, text/html;q=0.5` });
  const text = await boundedText(response, page);
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  const files = isJson ? filesOfJson(text, page) : filesOfHtml(text);
  const fitting = files
    .flatMap(({ filename, url, sha256 }) => {
      if (filename.length > LONGEST_NAME || !URL.canParse(url, page)) return [];
      const found = /^(?<name>[^-]+)-(?<version>[\w.+!]+)-(?:[^-]+-)?(?<tags>[^-]+-[^-]+-[^-]+)\.whl$/.exec(
        filename,
      );
      const { version: has = '', tags = '' } = found?.groups ?? {};
      const fits = has === version || has.startsWith(`${version}.`);
      if (!fits || !/manylinux\S*x86_64/.test(tags) || sha256 === undefined) return [];
      return [
        { name, version: has, url: new URL(url, page).href, algorithm: 'sha256' as const, hash: sha256 },
      ];
    })
    .toSorted((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }));
  if (fitting[0] !== undefined) return fitting[0];
  throw new DarkroomError(
    'not_found',
    `${withoutLogin(index)} has no wheel of ${name} ${version} for Linux on x86-64. Give another --index, or a folder of wheels with --from.`,
  );
}

interface IndexFile {
  readonly filename: string;
  readonly url: string;
  readonly sha256: string | undefined;
}

const Page = z.object({
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.object({ sha256: z.string().regex(SHA256).optional().catch(undefined) }).nullish(),
    }),
  ),
});

function filesOfJson(text: string, page: string): IndexFile[] {
  const { files } = checked(parseJson(text, page), Page, page);
  return files.map(({ filename, url, hashes }) => ({ filename, url, sha256: hashes?.sha256 }));
}

function filesOfHtml(text: string): IndexFile[] {
  return [...text.matchAll(/<a\s[^<>]*?href="([^"<>]+)"/gi)].flatMap(([, href = '']) => {
    const url = href.replaceAll('&amp;', '&');
    const [path = '', fragment = ''] = url.split('#');
    const [, sha256 = ''] = /^sha256=(.+)$/.exec(fragment) ?? [];
    try {
      const filename = decodeURIComponent(path.split('?')[0]!.split('/').at(-1)!);
      return [{ filename, url: path, sha256: SHA256.test(sha256) ? sha256 : undefined }];
    } catch {
      // No name that a wheel has.
      return [];
    }
  });
}

/** Bytes of a file as its server says; 0 where it does not, or answers no question about it without the file itself. */
export async function sizeOf({ url }: Download): Promise<number> {
  const response = await ask(url, {}, 'HEAD');
  const size = response.ok ? Number(response.headers.get('content-length') ?? 0) : 0;
  return Number.isSafeInteger(size) ? size : 0;
}

/** Bytes that no file comes near. */
const MAX_FILE = 8 * 2 ** 30;

/**
 * Fetches a file. What an earlier try left behind is gone on with.
 * @param size its bytes, 0 where nobody has said
 * @param onBytes called with the bytes that have come
 * @throws DarkroomError where the bytes are not those that the server names
 */
export async function fetchFile(
  file: Download,
  to: string,
  size: number,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { algorithm, hash } = file;
  if ((await hashOf(to, algorithm).catch(() => '')) === hash) return onBytes((await stat(to)).size);
  const part = `${to}.part`;
  const have = (await stat(part).catch(() => undefined))?.size ?? 0;
  const response = await request(file.url, have > 0 ? { range: `bytes=${have}-` } : {});
  // 416: the earlier try had all of it.
  if (response.status !== 416) await receive(response, { file, part, have, size, onBytes });
  if ((await hashOf(part, algorithm)) === hash) return rename(part, to);
  await rm(part, { force: true });
  throw new DarkroomError(
    'bad_request',
    `${file.name} ${file.version} came damaged: its ${algorithm.toUpperCase().replace('SHA', 'SHA-')} is not the one that its server names. Run the command again.`,
  );
}

interface Receiving {
  readonly file: Download;
  readonly part: string;
  /** Bytes of the part. */
  readonly have: number;
  readonly size: number;
  onBytes(bytes: number): void;
}

async function receive(response: Response, { file, part, have, size, onBytes }: Receiving): Promise<void> {
  const begins = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  const isRest = response.status === 206 && (begins === undefined || Number(begins) === have);
  const most = size > 0 ? size : MAX_FILE;
  let bytes = isRest ? have : 0;
  onBytes(bytes);
  const measured = async function* (body: AsyncIterable<Uint8Array>) {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > most) throw new DarkroomError('too_large', tooLong(file, most));
      onBytes(bytes);
      yield chunk;
    }
  };
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  try {
    await pipeline(body, measured, createWriteStream(part, { flags: isRest ? 'a' : 'w' }));
  } catch (cause) {
    if (bytes > most) await rm(part, { force: true });
    if (cause instanceof DarkroomError || DISK_CALLS.has((cause as NodeJS.ErrnoException).syscall ?? ''))
      throw cause;
    const got = `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    throw new DarkroomError(
      'not_found',
      `${file.name} ${file.version} broke off after ${got}. Run the command again: it goes on where it stopped.`,
      { cause },
    );
  }
}

/** Calls of the system that only files need: their errors are the disk's, not the server's. */
const DISK_CALLS = new Set(['open', 'write', 'fsync']);

const tooLong = ({ url }: Download, most: number) =>
  `${url} is longer than the ${most} bytes that were expected: it is not what it should be. Use another --index, or --from FOLDER.`;

/** Of a name or password in an address; as it stands where its % signs are no escapes. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function hashOf(file: string, algorithm: Download['algorithm']): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** @throws DarkroomError where the server has not what is asked for */
async function request(text: string, given: Record<string, string>): Promise<Response> {
  const response = await ask(text, given, 'GET');
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  throw new DarkroomError(
    'not_found',
    `${withoutLogin(text)} answered ${response.status}. Check --index, or use --from FOLDER.`,
  );
}

/** @param text with a name and a password where the server wants them, as pip takes them */
async function ask(text: string, given: Record<string, string>, method: 'GET' | 'HEAD'): Promise<Response> {
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new DarkroomError('bad_request', `${text} is no address of a server.`);
  const url = new URL(text);
  const { username, password } = url;
  [url.username, url.password] = ['', ''];
  const headers = {
    ...given,
    ...(username !== '' && {
      authorization: `Basic ${Buffer.from(`${unescaped(username)}:${unescaped(password)}`).toString('base64')}`,
    }),
  };
  try {
    return await fetch(url, { method, headers });
  } catch (cause) {
    throw new DarkroomError(
      'not_found',
      `${url.host} cannot be reached. Check the network, or use --index URL or --from FOLDER.`,
      { cause },
    );
  }
}

/** @throws DarkroomError where the server has no JSON of this shape there */
export async function requestJson<Shape extends z.ZodType>(
  url: string,
  shape: Shape,
): Promise<z.infer<Shape>> {
  const text = await boundedText(await request(url, { accept: 'application/json' }), url);
  return checked(parseJson(text, url), shape, url);
}

function parseJson(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DarkroomError(
      'bad_request',
      `${withoutLogin(url)} is no JSON. Use --index URL or --from FOLDER.`,
      {
        cause,
      },
    );
  }
}

function checked<Shape extends z.ZodType>(value: unknown, shape: Shape, url: string): z.infer<Shape> {
  const { data, error } = shape.safeParse(value);
  if (data !== undefined) return data;
  throw new DarkroomError(
    'bad_request',
    `${withoutLogin(url)} does not say what is needed. Use --index URL or --from FOLDER.`,
    { cause: error },
  );
}

function withoutLogin(text: string): string {
  const url = new URL(text);
  [url.username, url.password] = ['', ''];
  return url.href;
}

async function boundedText(response: Response, page: string): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_PAGE)
      throw new DarkroomError(
        'too_large',
        `${withoutLogin(page)} is too long: it is not what it should be. Use another --index, or --from FOLDER.`,
      );
  }
  return text;
}
