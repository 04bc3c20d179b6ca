/** Servers on loopback that speak as the Hugging Face Hub, its file hosts and Civitai do, faults included. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const gitHash = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

export const COMMIT = 'c0ffee'.padEnd(40, '0');
/** Files of at least so many bytes are stored as LFS, on the other host. */
const LARGE = 1000;

interface Seen {
  readonly host: 'hub' | 'files' | 'civitai';
  readonly path: string;
  readonly token: string | undefined;
  readonly range: string | undefined;
}

/** What a server does instead, once. @returns whether it answered */
export type Fault = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

interface Repository {
  readonly files: Readonly<Record<string, Buffer>>;
  readonly gated?: false | 'auto' | 'manual';
  readonly licence?: string;
  /** Needed to read it. */
  readonly token?: string;
  /** What the hub claims instead of the true SHA-256. */
  readonly wrongHashes?: Readonly<Record<string, string>>;
}

export interface Hubs {
  readonly hub: string;
  readonly civitai: string;
  /** Another host than both, where files lie. */
  readonly files: string;
  readonly seen: Seen[];
  /** The next requests for a file's bytes, by its name, meet these one after the other. */
  readonly faults: Map<string, Fault[]>;
  readonly repositories: Map<string, Repository>;
  /** Answers of Civitai's API by path, and its files by id of their version. */
  readonly civitaiAnswers: Map<string, unknown>;
  readonly civitaiFiles: Map<
    string,
    { readonly name: string; readonly bytes: Buffer; readonly token?: string }
  >;
}

export async function openHubs(t: TestContext): Promise<Hubs> {
  const hubs: Omit<Hubs, 'hub' | 'civitai' | 'files'> = {
    seen: [],
    faults: new Map(),
    repositories: new Map(),
    civitaiAnswers: new Map(),
    civitaiFiles: new Map(),
  };
  const note = (host: Seen['host'], request: IncomingMessage) =>
    hubs.seen.push({
      host,
      path: request.url!.split('?')[0]!,
      token: request.headers.authorization,
      range: request.headers.range,
    });
  const blobs = new Map<string, { name: string; bytes: Buffer }>();
  const sendFile = (request: IncomingMessage, response: ServerResponse, name: string, bytes: Buffer) => {
    const fault = hubs.faults.get(name.split('/').at(-1)!)?.shift();
    if (fault !== undefined) return fault(request, response, bytes);
    sendRange(request, response, bytes);
  };
  const files = await listen(t, (request, response) => {
    note('files', request);
    const blob = blobs.get(request.url!.split('?')[0]!.slice(1));
    if (blob === undefined) return response.writeHead(404).end();
    return sendFile(request, response, blob.name, blob.bytes);
  });
  const away = (response: ServerResponse, name: string, bytes: Buffer) => {
    blobs.set(sha256(bytes), { name, bytes });
    response.writeHead(302, { location: `${files}/${sha256(bytes)}?signature=x` }).end();
  };

  const hub = await listen(t, (request, response) => {
    note('hub', request);
    const path = decodeURIComponent(request.url!.split('?')[0]!);
    const [, name = ''] = /^(?:\/api\/models)?\/([^/]+\/[^/]+)/.exec(path) ?? [];
    const found = hubs.repositories.get(name);
    if (found === undefined) return refuse(response, 401, 'RepoNotFound');
    const isOpen = found.token === undefined || request.headers.authorization === `Bearer ${found.token}`;
    if (path.startsWith('/api/models')) {
      const revision = /\/revision\/(.+)$/.exec(path)?.[1];
      if (revision !== undefined) {
        if (!['HEAD', 'main', COMMIT].includes(revision)) return refuse(response, 404, 'RevisionNotFound');
        return json(response, {
          ...{ _id: '1', id: name, private: false, lastModified: '2026-01-01T00:00:00Z', sha: COMMIT },
          ...{ gated: found.gated ?? false, cardData: { license: found.licence } },
        });
      }
      // Two pages, as long lists have.
      const entries = Object.entries(found.files).map(([file, bytes]) => entryOf(file, bytes, found));
      const isSecond = request.url!.includes('cursor=2');
      const half = Math.ceil(entries.length / 2);
      if (!isSecond) response.setHeader('link', `<${hub}${request.url}&cursor=2>; rel="next"`);
      return json(response, isSecond ? entries.slice(half) : entries.slice(0, half));
    }
    if (!isOpen)
      return refuse(response, request.headers.authorization ? 403 : 401, found.gated ? 'GatedRepo' : '');
    const [, file = ''] = /\/resolve\/[^/]+\/(.+)$/.exec(path) ?? [];
    const bytes = found.files[file];
    if (bytes === undefined) return refuse(response, 404, 'EntryNotFound');
    return bytes.length >= LARGE ? away(response, file, bytes) : sendFile(request, response, file, bytes);
  });

  const civitai = await listen(t, (request, response) => {
    note('civitai', request);
    const path = request.url!.split('?')[0]!;
    const file = hubs.civitaiFiles.get(/^\/api\/download\/models\/(\d+)$/.exec(path)?.[1] ?? '');
    if (file !== undefined) {
      const isOpen = file.token === undefined || request.headers.authorization === `Bearer ${file.token}`;
      return isOpen ? away(response, file.name, file.bytes) : response.writeHead(401).end('{}');
    }
    const answer = hubs.civitaiAnswers.get(path);
    return answer === undefined ? response.writeHead(404).end('{}') : json(response, answer);
  });
  return { ...hubs, hub, civitai, files };
}

function entryOf(path: string, bytes: Buffer, { wrongHashes = {} }: Repository) {
  const oid = gitHash(bytes);
  const lfs = { oid: wrongHashes[path] ?? sha256(bytes), size: bytes.length, pointerSize: 130 };
  return { type: 'file', path, size: bytes.length, oid, ...(bytes.length >= LARGE && { lfs }) };
}

export function sendRange(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (first === undefined) return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  const from = Number(first);
  if (from >= bytes.length) return void response.writeHead(416).end();
  const part = bytes.subarray(from, last === '' ? undefined : Number(last) + 1);
  response.writeHead(206, {
    'content-length': part.length,
    'content-range': `bytes ${from}-${from + part.length - 1}/${bytes.length}`,
  });
  response.end(part);
}

/** Sends some bytes and hangs up. */
export const dropAfter =
  (count: number): Fault =>
  (request, response, bytes) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': bytes.length - from,
      ...(from > 0 && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.write(bytes.subarray(from, from + count), () => setTimeout(() => response.destroy(), 20));
  };

export const answer =
  (status: number, headers: Record<string, string> = {}): Fault =>
  (_request, response) =>
    void response.writeHead(status, headers).end();

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'x-error-code': code }).end('{}');
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

/** @returns the origin */
export async function listen(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<string> {
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
