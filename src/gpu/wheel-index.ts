/** Finds wheels on an index of Python packages (PEP 503 as HTML, PEP 691 as JSON) and fetches them. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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

export interface Requirement {
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
  const files = isJson ? filesOfJson(text) : filesOfHtml(text);
  const fitting = files
    .flatMap(({ filename, url, sha256 }) => {
      const found = /^(?<name>[^-]+)-(?<version>[^-]+)-(?:[^-]+-)?(?<tags>[^-]+-[^-]+-[^-]+)\.whl$/.exec(
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
    `${index} has no wheel of ${name} ${version} for Linux on x86-64. Give another --index, or a folder of wheels with --from.`,
  );
}

interface IndexFile {
  readonly filename: string;
  readonly url: string;
  readonly sha256: string | undefined;
}

function filesOfJson(text: string): IndexFile[] {
  const { files } = JSON.parse(text) as {
    files: { filename: string; url: string; hashes?: { sha256?: string } }[];
  };
  return files.map(({ filename, url, hashes }) => ({ filename, url, sha256: hashes?.sha256 }));
}

function filesOfHtml(text: string): IndexFile[] {
  return [...text.matchAll(/<a\s[^>]*?href="([^"]+)"/gi)].map(([, href = '']) => {
    const url = href.replaceAll('&amp;', '&');
    const [path = '', fragment = ''] = url.split('#');
    const filename = decodeURIComponent(path.split('?')[0]!.split('/').at(-1)!);
    return { filename, url: path, sha256: /sha256=([0-9a-f]{64})/.exec(fragment)?.[1] };
  });
}

/** Bytes of a file as its server says; 0 where it does not. */
export async function sizeOf({ url }: Download): Promise<number> {
  const response = await request(url, {}, 'HEAD');
  return Number(response.headers.get('content-length') ?? 0);
}

/** Bytes that no file comes near. */
const MAX_FILE = 8 * 2 ** 30;

/**
 * Fetches a file. What an earlier try left behind is gone on with.
 * @param onBytes called with the bytes that have come
 * @throws DarkroomError where the bytes are not those that the server names
 */
export async function fetchFile(file: Download, to: string, onBytes: (bytes: number) => void): Promise<void> {
  const { algorithm, hash } = file;
  if ((await hashOf(to, algorithm).catch(() => '')) === hash) return onBytes((await stat(to)).size);
  const part = `${to}.part`;
  const have = (await stat(part).catch(() => undefined))?.size ?? 0;
  const response = await request(file.url, have > 0 ? { range: `bytes=${have}-` } : {});
  // 416: the earlier try had all of it.
  if (response.status !== 416) {
    const isRest = response.status === 206;
    let bytes = isRest ? have : 0;
    onBytes(bytes);
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    body.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > MAX_FILE)
        body.destroy(new DarkroomError('too_large', `${file.url} has no end: it is not what it should be.`));
      onBytes(bytes);
    });
    await pipeline(body, createWriteStream(part, { flags: isRest ? 'a' : 'w' }));
  }
  if ((await hashOf(part, algorithm)) === hash) return rename(part, to);
  await rm(part, { force: true });
  throw new DarkroomError(
    'bad_request',
    `${file.name} ${file.version} came damaged: its ${algorithm.toUpperCase().replace('SHA', 'SHA-')} is not the one that its server names. Run the command again.`,
  );
}

async function hashOf(file: string, algorithm: Download['algorithm']): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** @param text with a name and a password where the server wants them, as pip takes them */
async function request(text: string, given: Record<string, string>, method = 'GET'): Promise<Response> {
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new DarkroomError('bad_request', `${text} is no address of a server.`);
  const url = new URL(text);
  const { username, password } = url;
  [url.username, url.password] = ['', ''];
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const headers = {
    ...given,
    ...(username !== '' && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
  };
  let response: Response;
  try {
    response = await fetch(url, { method, headers });
  } catch (cause) {
    throw new DarkroomError(
      'not_found',
      `${url.host} cannot be reached. Check the network, or use --index URL or --from FOLDER.`,
      { cause },
    );
  }
  if (response.ok || response.status === 416) return response;
  throw new DarkroomError(
    'not_found',
    `${url.href} answered ${response.status}. Check --index, or use --from FOLDER.`,
  );
}

/** @throws DarkroomError where the server has no JSON there */
export async function requestJson(url: string): Promise<unknown> {
  const text = await boundedText(await request(url, { accept: 'application/json' }), url);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DarkroomError('bad_request', `${url} is no JSON. Use --index URL or --from FOLDER.`, { cause });
  }
}

async function boundedText(response: Response, page: string): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_PAGE)
      throw new DarkroomError('too_large', `${page} is too long: it is not what it should be.`);
  }
  return text;
}
