/** Plans a download from Civitai (developer.civitai.com/site/reference, read November 2026). */
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { civitaiAllows } from '../licences.ts';
import { sentence, type Words } from '../sentences.ts';
import { type Address, fileName } from './address.ts';
import { ask, type Patience, persist, readBounded } from './ask.ts';
import { withSlash } from './hub.ts';
import type { Origin, Plan } from './plan.ts';
import { measure } from './url.ts';

interface CivitaiOptions {
  readonly endpoint: URL;
  readonly token?: string | undefined;
  readonly precision: 'float32' | 'float16';
  readonly patience: Patience;
  readonly signal?: AbortSignal | undefined;
}

const LARGEST_ANSWER = 20_000_000;

type Json = Readonly<Record<string, unknown>>;

/** @throws DarkroomError that says what is missing and how to get it */
export async function planFromCivitai(
  address: Address & { kind: 'civitai' },
  options: CivitaiOptions,
): Promise<Plan> {
  const { version, model } = await readVersion(address, options);
  const file = chooseFile(version, options.precision);
  const { endpoint, token } = options;
  const name = fileName(String(file['name']), endpoint.host);
  const sha256 = isRecord(file['hashes']) ? String(file['hashes']['SHA256'] ?? '').toLowerCase() : '';
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new DarkroomError('unsupported', sentence('download.not_hashed', { host: endpoint.host, name }));
  const url = URL.parse(String(file['downloadUrl'] ?? version['downloadUrl']), endpoint.href);
  // The token goes where the file is asked for; a page of another host has no claim to it.
  if (url === null || !isCivitai(url, endpoint)) throw strange(endpoint);
  const refuse = (response: Response) => refusal(response, options, name);
  // The size in the answer is rounded to some bytes: the server of the file knows it.
  const { bytes } = await measure({ url, token, refuse }, options);
  return {
    name: name.replace(/\.[^.]+$/, ''),
    isFolder: false,
    files: [
      { url, path: name, label: name, bytes, digest: { algorithm: 'sha256', hex: sha256 }, token, refuse },
    ],
    origin: originOf(model, version, endpoint),
    ...(isRecord(model['creator']) && { owner: String(model['creator']['username']) }),
    notes: warningsOf(file),
  };
}

/** A host of theirs by https, or the endpoint that the operator set. */
const isCivitai = (url: URL, endpoint: URL) =>
  url.origin === endpoint.origin ||
  (url.protocol === 'https:' && /^(www\.)?civitai\.(com|red|green)$/.test(url.host));

async function readVersion(
  address: Address & { kind: 'civitai' },
  options: CivitaiOptions,
): Promise<{ version: Json; model: Json }> {
  const { endpoint } = options;
  if (address.model === undefined) {
    const version = await call(`model-versions/${address.version}`, options);
    const of = Number(version['modelId']);
    // The terms are the model's; a version only names it.
    const model = Number.isSafeInteger(of) ? await call(`models/${of}`, options) : {};
    return { version, model };
  }
  const model = await call(`models/${address.model}`, options);
  const versions = Array.isArray(model['modelVersions']) ? model['modelVersions'].filter(isRecord) : [];
  const version =
    address.version === undefined ? versions[0] : versions.find(({ id }) => id === address.version);
  if (version !== undefined) return { version, model };
  const known = versions
    .slice(0, 5)
    .map(({ id, name }) => `${id} (${name})`)
    .join(', ');
  throw new DarkroomError(
    'not_found',
    address.version === undefined
      ? sentence('download.no_version', { model: address.model, host: endpoint.host })
      : sentence('download.other_version', {
          model: address.model,
          host: endpoint.host,
          version: address.version,
          known,
        }),
  );
}

async function call(path: string, options: CivitaiOptions): Promise<Json> {
  const { endpoint, token, signal } = options;
  const body = await persist(async () => {
    const response = await ask(new URL(`api/v1/${path}`, withSlash(endpoint)), { token, signal });
    if (!response.ok) throw refusal(response, options, path);
    return readBounded(response, LARGEST_ANSWER, endpoint.host);
  }, options);
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isRecord(value)) return value;
  } catch {
    // The same sentence as for JSON that is no object.
  }
  throw strange(endpoint);
}

/** The primary file of a kind that is read: half precision where the device has it, safetensors before pickles. */
function chooseFile(version: Json, precision: CivitaiOptions['precision']): Json {
  const files = (Array.isArray(version['files']) ? version['files'] : []).filter(isRecord);
  const weights = files.filter(
    ({ name, type }) =>
      /\.(safetensors|ckpt|pt|pth|bin)$/i.test(String(name)) && type !== 'Training Data' && type !== 'Config',
  );
  const score = (file: Json) => {
    const metadata = isRecord(file['metadata']) ? file['metadata'] : {};
    const isTensors = /\.safetensors$/i.test(String(file['name']));
    const isModel = file['type'] === 'Model' || file['type'] === 'Pruned Model';
    const isWanted = metadata['fp'] === (precision === 'float16' ? 'fp16' : 'fp32');
    return (isModel ? 8 : 0) + (isTensors ? 4 : 0) + (isWanted ? 2 : 0) + (file['primary'] === true ? 1 : 0);
  };
  const best = weights.toSorted((a, b) => score(b) - score(a))[0];
  if (best !== undefined) return best;
  const names = files.map(({ name }) => String(name)).join(', ') || 'no files';
  throw new DarkroomError('unsupported', sentence('download.no_weights', { names: names.slice(0, 300) }));
}

function warningsOf(file: Json): Words[] {
  const scans = ['pickleScanResult', 'virusScanResult'].filter(
    (key) => file[key] !== undefined && file[key] !== 'Success' && file[key] !== 'Pending',
  );
  return scans.map((key) =>
    sentence(key === 'pickleScanResult' ? 'download.pickle_scan' : 'download.virus_scan', {
      result: String(file[key]).slice(0, 50),
    }),
  );
}

function originOf(model: Json, version: Json, endpoint: URL): Origin {
  const id = model['id'] ?? version['modelId'];
  const uses = [model['allowCommercialUse'] ?? []]
    .flat()
    .map(String)
    .filter((use) => use !== 'None');
  const commercial = civitaiAllows(model['allowCommercialUse']);
  const terms = [
    model['allowNoCredit'] === false && 'credit the creator',
    model['allowCommercialUse'] !== undefined &&
      (uses.length === 0 ? 'no commercial use' : `commercial use: ${uses.join(', ')}`),
    model['allowDerivatives'] === false && 'no merges',
  ].filter((term) => term !== false);
  const words = Array.isArray(version['trainedWords']) ? version['trainedWords'].map(String) : [];
  return {
    source: `civitai:${id}@${version['id']}`,
    page: new URL(`models/${id}?modelVersionId=${version['id']}`, withSlash(endpoint)).href,
    ...(terms.length > 0 && { licence: `Civitai: ${terms.join('; ')}`.slice(0, 200) }),
    ...(commercial !== undefined && { commercial_use: commercial }),
    ...(version['availability'] === 'EarlyAccess' && {
      gating: 'early access: its creator may ask for a purchase',
    }),
    ...(typeof version['baseModel'] === 'string' && { base_model: version['baseModel'].slice(0, 100) }),
    ...(words.length > 0 && { trigger_words: words.slice(0, 50).map((word) => word.slice(0, 300)) }),
  };
}

function refusal(response: Response, { endpoint, token }: CivitaiOptions, what: string): DarkroomError {
  const { status } = response;
  void response.body?.cancel().catch(() => undefined);
  if (status === 401 || status === 403) {
    return new DarkroomError(
      'forbidden',
      token === undefined
        ? sentence('download.wants_account', { host: endpoint.host, what })
        : sentence('download.account_refused', { host: endpoint.host, what }),
    );
  }
  if (status === 404)
    return new DarkroomError('not_found', sentence('download.no_number', { host: endpoint.host, what }));
  return new DarkroomError('not_found', sentence('download.status', { host: endpoint.host, status, what }));
}

const strange = ({ host }: URL) => new DarkroomError('not_found', sentence('download.not_civitai', { host }));
