/** What a user may write behind `darkroom models add`, and what it means. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';

export type Address =
  | { readonly kind: 'hub'; readonly repository: string; readonly revision?: string; readonly file?: string }
  | { readonly kind: 'civitai'; readonly model?: number; readonly version?: number }
  | { readonly kind: 'url'; readonly url: URL };

interface Hosts {
  /** The Hugging Face Hub, or a mirror of it. */
  readonly hub: URL;
  readonly civitai: URL;
}

const HUB = 'https://huggingface.co';

const NAME = /^[A-Za-z0-9][\w.-]{0,95}$/;
const REVISION = /^[\w][\w./-]{0,200}$/;
/** What a weight file may be called. */
export const WEIGHTS = /\.(safetensors|ckpt|pt|pth|bin)$/i;

/** @throws DarkroomError('bad_request') for anything else */
export function parseAddress(text: string, { hub, civitai }: Hosts): Address {
  const words = text.trim();
  const known =
    /^civitai:(\d{1,12})(?:@(\d{1,12}))?$/i.exec(words) ??
    /^urn:air:[^:]+:[^:]+:civitai:(\d{1,12})@(\d{1,12})$/i.exec(words);
  if (known !== null) return civitaiAddress(known[1], known[2]);
  if (/^https?:/i.test(words)) return ofUrl(words, hub, civitai);
  const [, repository = '', revision] = /^([^@]+)(?:@(.+))?$/.exec(words) ?? [];
  return hubAddress(repository, revision) ?? refuse(text);
}

function ofUrl(text: string, hub: URL, civitai: URL): Address {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return refuse(text);
  if (url.host === hub.host || url.origin === HUB) return ofHubUrl(url) ?? refuse(text);
  const isCivitai = url.host === civitai.host || /^(www\.)?civitai\.(com|red|green)$/.test(url.hostname);
  if (isCivitai) {
    const [, model] = /^\/models\/(\d{1,12})(?:\/|$)/.exec(url.pathname) ?? [];
    const [, version] = /^\/api\/download\/models\/(\d{1,12})$/.exec(url.pathname) ?? [];
    if (version !== undefined) return civitaiAddress(undefined, version);
    if (model !== undefined)
      return civitaiAddress(model, url.searchParams.get('modelVersionId') ?? undefined);
    return refuse(text);
  }
  return { kind: 'url', url };
}

/** `/owner/name`, `/owner/name/tree/REVISION`, `/owner/name/{blob,resolve}/REVISION/FILE` */
function ofHubUrl({ pathname }: URL): Address | undefined {
  const [owner = '', name = '', view, revision, ...rest] = pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const repository = `${owner}/${name}`;
  if (view === undefined) return hubAddress(repository);
  if (view === 'tree') return hubAddress(repository, [revision, ...rest].join('/'));
  if ((view !== 'blob' && view !== 'resolve') || rest.length === 0) return undefined;
  const found = hubAddress(repository, revision);
  return found && { ...found, file: rest.join('/') };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function hubAddress(repository: string, revision?: string): (Address & { kind: 'hub' }) | undefined {
  const parts = repository.split('/');
  const isRepository = parts.length === 2 && parts.every((part) => NAME.test(part));
  const isKnown = revision === undefined || (REVISION.test(revision) && !revision.includes('..'));
  if (!isRepository || !isKnown) return undefined;
  return { kind: 'hub', repository, ...(revision !== undefined && { revision }) };
}

function civitaiAddress(model: string | undefined, version: string | undefined): Address {
  const isNumber = version === undefined || /^\d{1,12}$/.test(version);
  if (!isNumber) return refuse(version);
  return {
    kind: 'civitai',
    ...(model !== undefined && { model: Number(model) }),
    ...(version !== undefined && { version: Number(version) }),
  };
}

function refuse(text: string): never {
  throw new DarkroomError('bad_request', sentence('download.no_address', { text: text.slice(0, 200) }));
}

/** A path that a server names, if it stays inside the folder that it is for. */
export function isInside(path: string): boolean {
  const parts = path.split('/');
  return (
    path.length <= 400 &&
    parts.every(
      (part) => part !== '' && part !== '.' && part !== '..' && !/[\u0000-\u001f\\:*?"<>|]/.test(part),
    )
  );
}

/** A file's name as this machine's disk takes it. @throws DarkroomError('bad_request') */
export function fileName(name: string, host: string): string {
  const last = name
    .split(/[/\\]/)
    .at(-1)!
    .normalize('NFC')
    .replaceAll(/[\u0000-\u001f\u007f:*?"<>|]/g, '_')
    .replace(/^\.+/, '');
  if (!WEIGHTS.test(last) || last.length > 200) {
    throw new DarkroomError(
      'bad_request',
      sentence('download.other_file', { host, file: JSON.stringify(last.slice(0, 100)) }),
    );
  }
  return last;
}
