/** Plans a download from the Hugging Face Hub or a mirror of it. The files themselves come by file.ts: resumed and checked. */
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListFileEntry } from '@huggingface/hub';
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { sentence } from '../sentences.ts';
import { type Address, fileName, isInside } from './address.ts';
import { ask, type Patience, persist, readBounded } from './ask.ts';
import { chooseComponentFiles, choosePipelineFiles, chooseSingleFile } from './hub-files.ts';
import type { Origin, Plan, PlannedFile } from './plan.ts';
import type { Digest } from './remote.ts';
import { measure } from './url.ts';

interface HubOptions {
  /** HF_ENDPOINT: the Hub or a mirror. */
  readonly endpoint: URL;
  readonly token?: string | undefined;
  /** The Hub's cache on this machine, `hub` of HF_HOME. */
  readonly cache: string;
  readonly precision: 'float32' | 'float16';
  readonly patience: Patience;
  readonly signal?: AbortSignal | undefined;
  /**
   * The folders of a pipeline that are read.
   * @throws DarkroomError('unsupported') where its model_index.json names what cannot be drawn with
   */
  partsOf(modelIndex: Readonly<Record<string, unknown>>): readonly string[];
}

const MOST_FILES = 20_000;
/** Pages of a list that has so many files. */
const MOST_ANSWERS = 500;
/** Bytes of one answer of the API. */
const LARGEST_ANSWER = 20_000_000;

/** @throws DarkroomError that says what is missing and how to get it */
export async function planFromHub(address: Address & { kind: 'hub' }, options: HubOptions): Promise<Plan> {
  const { repository } = address;
  const { modelInfo, listFiles } = await import('@huggingface/hub');
  const page = new URL(repository, withSlash(options.endpoint));
  const call = { hubUrl: withSlash(options.endpoint).href.slice(0, -1), fetch: asker(address, options) };
  const info = await modelInfo({
    ...call,
    name: repository,
    additionalFields: ['sha', 'cardData'],
    ...(address.revision !== undefined && { revision: address.revision }),
  });
  const commit = String(info.sha);
  if (!/^[0-9a-f]{40,64}$/.test(commit)) throw strange(options.endpoint);
  const listed: ListFileEntry[] = [];
  let entries = 0;
  for await (const entry of listFiles({ ...call, repo: repository, revision: commit, recursive: true })) {
    entries++;
    if (entry.type === 'file' && typeof entry.path === 'string' && isInside(entry.path)) listed.push(entry);
    if (entries > MOST_FILES) throw manyFiles(repository);
  }
  const files = listed.map((entry) => ({ path: entry.path, bytes: entry.lfs?.size ?? entry.size }));
  const resolve = (path: string) =>
    new URL(
      `${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`,
      withSlash(options.endpoint),
    );
  const planned = (path: string) =>
    plannedFile(listed.find((entry) => entry.path === path)!, resolve(path), { address, commit, options });
  const origin = originOf(info, { repository, commit, page });
  const [owner, name] = repository.split('/') as [string, string];
  if (origin.gating !== undefined) {
    // Whether the gate is open for this token is said before anything large is asked for.
    const [first] = files;
    if (first !== undefined)
      await measure(
        {
          url: resolve(first.path),
          token: options.token,
          refuse: (response) => refusal(response, address, options),
        },
        options,
      );
  }

  if (address.file !== undefined) {
    if (!files.some(({ path }) => path === address.file))
      throw new DarkroomError(
        'not_found',
        sentence('download.no_file', { repository, file: address.file, revision: commit.slice(0, 10) }),
      );
    return { ...singleFile(await planned(address.file), origin), owner };
  }
  if (files.some(({ path }) => path === 'model_index.json')) {
    const index = await readIndex(resolve('model_index.json'), address, options);
    const parts = options.partsOf(index);
    const { paths, notes } = choosePipelineFiles(files, { precision: options.precision, parts });
    return { name, owner, isFolder: true, files: await Promise.all(paths.map(planned)), origin, notes };
  }
  const component = chooseComponentFiles(files, options.precision);
  if (component !== undefined) {
    const { paths, notes } = component;
    return { name, owner, isFolder: true, files: await Promise.all(paths.map(planned)), origin, notes };
  }
  return {
    ...singleFile(await planned(chooseSingleFile(files, page.href, options.precision)), origin),
    owner,
  };
}

const manyFiles = (repository: string) =>
  new DarkroomError('too_large', sentence('download.many_files', { repository, limit: MOST_FILES }));

/** The library's fetch: patient, with the token for the hub's own origin only, and with our sentences for refusals. */
function asker(address: Address & { kind: 'hub' }, options: HubOptions): typeof fetch {
  const { endpoint, signal } = options;
  let answers = 0;
  return async (input) => {
    // Pages of a list that never ends may be empty, too.
    if (++answers > MOST_ANSWERS) throw manyFiles(address.repository);
    const url = new URL(input instanceof Request ? input.url : String(input));
    return persist(async () => {
      const response = await ask(url, {
        signal,
        token: url.origin === endpoint.origin ? options.token : undefined,
      });
      if (!response.ok) throw refusal(response, address, options);
      const body = await readBounded(response, LARGEST_ANSWER, endpoint.host);
      return new Response(body, { headers: response.headers });
    }, options);
  };
}

async function readIndex(url: URL, address: Address & { kind: 'hub' }, options: HubOptions) {
  const response = await asker(address, options)(url);
  const index: unknown = await response.json().catch(() => undefined);
  if (isRecord(index)) return index;
  throw new DarkroomError('bad_model', sentence('download.bad_index', { repository: address.repository }));
}

interface Place {
  readonly address: Address & { kind: 'hub' };
  readonly commit: string;
  readonly options: HubOptions;
}

async function plannedFile(
  entry: ListFileEntry,
  url: URL,
  { address, commit, options }: Place,
): Promise<PlannedFile> {
  const digest = digestOfEntry(entry);
  const cached = await cachedFile(options.cache, address.repository, { commit, path: entry.path, digest });
  return {
    ...{ url, path: entry.path, label: entry.path, bytes: entry.lfs?.size ?? entry.size },
    ...(digest !== undefined && { digest }),
    ...(cached !== undefined && { cached }),
    token: options.token,
    refuse: (response) => refusal(response, address, options),
  };
}

function digestOfEntry({ lfs, oid }: ListFileEntry): Digest | undefined {
  if (lfs !== undefined && /^[0-9a-f]{64}$/.test(lfs.oid)) return { algorithm: 'sha256', hex: lfs.oid };
  return oid !== undefined && /^[0-9a-f]{40}$/.test(oid) ? { algorithm: 'git', hex: oid } : undefined;
}

/** A file that the Hub's own tools have fetched before: blobs are named by their hash. */
async function cachedFile(
  cache: string,
  repository: string,
  { commit, path, digest }: { commit: string; path: string; digest: Digest | undefined },
): Promise<string | undefined> {
  const folder = join(cache, `models--${repository.replace('/', '--')}`);
  const places = [
    join(folder, 'snapshots', commit, path),
    ...(digest ? [join(folder, 'blobs', digest.hex)] : []),
  ];
  for (const place of places) {
    const found = await realpath(place).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

function singleFile(file: PlannedFile, origin: Origin): Plan {
  const name = fileName(file.path, new URL(origin.page).host);
  return {
    ...{ name: name.replace(/\.[^.]+$/, ''), isFolder: false, origin, notes: [] },
    files: [{ ...file, path: name }],
  };
}

function originOf(
  info: { readonly gated: unknown; readonly cardData?: unknown },
  { repository, commit, page }: { repository: string; commit: string; page: URL },
): Origin {
  const card = isRecord(info.cardData) ? info.cardData : {};
  const text = (key: string) =>
    [card[key]]
      .flat()
      .filter((one) => typeof one === 'string')
      .join(', ')
      .slice(0, 100);
  const licence = text('license') === 'other' ? text('license_name') || 'other' : text('license');
  return {
    source: `${repository}@${commit}`,
    page: page.href,
    ...(licence !== '' && { licence }),
    ...(info.gated === 'auto' && { gating: 'its owner lets everyone in who accepts the terms on the page' }),
    ...(info.gated === 'manual' && { gating: 'its owner decides who may read it' }),
    ...(text('base_model') !== '' && { base_model: text('base_model') }),
  };
}

function refusal(
  response: Response,
  { repository, revision }: Address & { kind: 'hub' },
  options: HubOptions,
): DarkroomError {
  const { status, headers } = response;
  const { endpoint, token } = options;
  const reason = headers.get('x-error-code');
  const page = new URL(repository, withSlash(endpoint)).href;
  void response.body?.cancel().catch(() => undefined);
  if (reason === 'GatedRepo' || (status === 403 && token !== undefined)) {
    return new DarkroomError(
      'forbidden',
      token === undefined
        ? sentence('download.gated', { repository, page })
        : sentence('download.token_refused', { repository, page }),
    );
  }
  if (status === 401 || status === 403) {
    return new DarkroomError(
      'forbidden',
      token === undefined
        ? sentence('download.not_public', { host: endpoint.host, repository })
        : sentence('download.bad_token', { host: endpoint.host, repository }),
    );
  }
  if (status === 404) {
    const isRevision = reason === 'RevisionNotFound' && revision !== undefined;
    return new DarkroomError(
      'not_found',
      isRevision
        ? sentence('download.no_revision', { repository, revision })
        : sentence('download.no_repository', { host: endpoint.host, repository }),
    );
  }
  return new DarkroomError(
    'not_found',
    sentence('download.status', { host: endpoint.host, status, what: repository }),
  );
}

const strange = ({ host }: URL) => new DarkroomError('not_found', sentence('download.not_hub', { host }));

/** A URL under which names are resolved, also where a mirror lies below a path. */
export const withSlash = (url: URL) => new URL(url.href.replace(/\/*$/, '/'));

interface HubPlace {
  readonly HF_TOKEN?: string | undefined;
  readonly HF_HOME?: string | undefined;
  readonly HF_HUB_CACHE?: string | undefined;
}

/** Where huggingface_hub keeps its files, and the token that `hf auth login` left there. */
export async function hubPlace(
  { HF_TOKEN, HF_HOME, HF_HUB_CACHE }: HubPlace,
  home: string,
): Promise<{ readonly cache: string; readonly token: string | undefined }> {
  const folder = HF_HOME ?? join(home, '.cache', 'huggingface');
  const saved = await readFile(join(folder, 'token'), 'utf8').catch(() => '');
  const token = HF_TOKEN ?? saved.trim();
  return { cache: HF_HUB_CACHE ?? join(folder, 'hub'), token: token === '' ? undefined : token };
}
