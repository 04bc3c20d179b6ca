/** Finds what may be a model below some folders, in whatever layout they are. Nothing is opened but small JSON files. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { isRecord } from '../../json.ts';

export interface Found {
  /** As the operator's folders name it. */
  readonly path: string;
  /** `folder`: a pipeline, or one network, in diffusers' layout. */
  readonly form: 'file' | 'folder';
  /** Of folders: the class of the network in it; undefined for a pipeline. */
  readonly className?: string;
  /** What it is called unless something else is called so: the name of a file without its ending, of a folder, of a repository. */
  readonly name: string;
  /** The folder that it is in, which tells two of one name apart. */
  readonly parent: string;
  readonly bytes: number;
  /** Another one for each change, as far as sizes and times tell. */
  readonly identity: string;
  /** Names of the small files beside it that describe it: NAME.json, NAME.preview.png. */
  readonly beside: readonly string[];
}

interface Walk {
  readonly found: readonly Found[];
  /** Why something was passed over, as sentences by path. */
  readonly refused: ReadonlyMap<string, string>;
  /** Every folder that was looked into. */
  readonly folders: readonly string[];
}

const WEIGHT_FILE = /\.(safetensors|sft|ckpt|pt|pth|bin|gguf)$/i;
/** Names of what stands beside a weight file NAME.safetensors, behind NAME. */
const BESIDE = /^\.(json|yaml|source\.json|civitai\.info|(preview\.)?(png|jpe?g|webp))$/i;
/** A weight file, or a name without an ending, as folders have. */
const MAY_HOLD_MODELS = new RegExp(`${WEIGHT_FILE.source}|^[^.]+$`, 'i');
/** What macOS writes beside a file on other disks: no model, whatever its name ends with. */
const APPLE_DOUBLE = /^\._/;
/** Folders of other things, and what is not whole yet. */
const PASSED_OVER = /^(\.|__pycache__$|node_modules$|datasets--|spaces--)/;

const DEEPEST = 10;
const MOST_FOLDERS = 20_000;
const MOST_FILES = 100_000;
/** Links to folders count as the operator's own down to here; below, what was unpacked may have brought them. */
const LINKED_DEPTH = 2;
const LARGEST_CONFIG = 1_000_000;

interface Step {
  readonly path: string;
  readonly depth: number;
  /** Name of its repository, where it is a snapshot of the Hugging Face cache. */
  readonly repository?: string;
}

/** @param roots that cannot be read are empty */
export async function walk(roots: readonly string[]): Promise<Walk> {
  const found: Found[] = [];
  const refused = new Map<string, string>();
  const folders: string[] = [];
  const seen = new Set<string>();
  /** Real paths of files, and of those that were reached by links. */
  const real = new Set<string>();
  const linked = new Map<Found, string>();
  // A link within these leads nowhere new.
  const inside: string[] = [];
  const steps: Step[] = [];
  for (const root of roots) {
    const target = await realpath(root).catch(() => undefined);
    if (target === undefined) continue;
    inside.push(target);
    // A1111 and Forge keep embeddings beside their models.
    const beside = join(dirname(target), 'embeddings');
    if (basename(target) === 'models' && (await isDirectory(beside))) {
      inside.push(beside);
      steps.push({ path: beside, depth: 1 });
    }
    if (await isDirectory(target)) steps.push({ path: root, depth: 0 });
    else {
      // A single file that somebody named.
      const file = await describeFile({ path: dirname(root), depth: 0 }, basename(root), []);
      if (file !== undefined) found.push(file);
    }
  }
  const isInside = (path: string) => inside.some((root) => path === root || path.startsWith(root + sep));

  // Those nearer to the root come first: they get the plain names.
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at]!;
    const here = await realpath(step.path).catch(() => undefined);
    if (here === undefined || seen.has(here)) continue;
    if (folders.length >= MOST_FOLDERS || found.length >= MOST_FILES) {
      refused.set(
        step.path,
        `There are more than ${MOST_FOLDERS} folders or ${MOST_FILES} files; the rest is not looked at.`,
      );
      break;
    }
    seen.add(here);
    folders.push(step.path);
    const entries = await readdir(step.path, { withFileTypes: true }).catch(() => []);
    const names = entries.map(({ name }) => name).sort();
    const network = await readNetwork(step, names);
    if (network !== undefined) {
      if (network !== null) found.push(network);
      continue;
    }
    const snapshot = basename(step.path).startsWith('models--') ? await snapshotOf(step) : undefined;
    if (snapshot !== undefined) {
      inside.push(here);
      steps.push(snapshot);
      continue;
    }
    const links = new Map<string, string>();
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    for (const entry of entries) {
      if (!entry.isSymbolicLink()) continue;
      const path = join(step.path, entry.name);
      const target = await realpath(path).catch(() => undefined);
      if (target !== undefined) links.set(entry.name, target);
    }
    for (const name of names) {
      const entry = byName.get(name)!;
      const path = join(step.path, name);
      if (PASSED_OVER.test(name)) {
        if (WEIGHT_FILE.test(name) && !APPLE_DOUBLE.test(name) && !entry.isDirectory())
          refused.set(path, `${name} is hidden: its name begins with a dot. Rename it to use it.`);
        continue;
      }
      const target = links.get(name);
      if (entry.isSymbolicLink() && target === undefined && MAY_HOLD_MODELS.test(name)) {
        refused.set(
          path,
          `${name} is a link that leads nowhere: what it named was moved, deleted or is not mounted.`,
        );
        continue;
      }
      const isFolder = entry.isDirectory() || (target !== undefined && (await isDirectory(target)));
      if (isFolder) {
        if (target !== undefined && !isInside(target)) {
          if (step.depth >= LINKED_DEPTH) {
            refused.set(path, `${name} is a link to a folder outside. Add that folder to DARKROOM_MODELS.`);
            continue;
          }
          inside.push(target);
        }
        if (step.depth < DEEPEST) steps.push({ path, depth: step.depth + 1 });
      } else if (WEIGHT_FILE.test(name)) {
        if (target !== undefined && !isInside(target))
          refused.set(
            path,
            `${name} is a link to a file outside. Add the folder of that file to DARKROOM_MODELS.`,
          );
        else if (entry.isFile() || target !== undefined) {
          const file = await describeFile(step, name, names);
          if (file === undefined) continue;
          found.push(file);
          if (target === undefined) real.add(join(here, name));
          else linked.set(file, target);
        }
      }
    }
  }
  return { found: withoutTwins(found, linked, real), refused, folders };
}

/** A file that is also there itself, or by another link, is listed once. */
function withoutTwins(
  found: readonly Found[],
  linked: ReadonlyMap<Found, string>,
  real: ReadonlySet<string>,
): Found[] {
  const seen = new Set(real);
  return found.filter((one) => {
    const target = linked.get(one);
    if (target === undefined) return true;
    if (seen.has(target)) return false;
    seen.add(target);
    return true;
  });
}

async function describeFile(
  { path: folder, repository }: Step,
  name: string,
  names: readonly string[],
): Promise<Found | undefined> {
  const path = join(folder, name);
  const stem = name.replace(/\.[^.]+$/, '');
  const beside = besideOf(stem, names);
  const own = await stat(path).catch(() => undefined);
  if (own?.isFile() !== true) return undefined;
  return {
    ...{ path, form: 'file', name: stem, parent: repository ?? basename(folder), bytes: own.size, beside },
    identity: await identityOfFile({ path, beside }),
  };
}

/** Of a file with what describes it. */
export async function identityOfFile({ path, beside }: Pick<Found, 'path' | 'beside'>): Promise<string> {
  const all = [path, ...beside.map((name) => join(path, '..', name))];
  return (await Promise.all(all.map(identityOf))).join(' ');
}

/** @param names sorted, so that those of one stem stand together */
function besideOf(stem: string, names: readonly string[]): string[] {
  const prefix = `${stem}.`;
  let low = 0;
  for (let high = names.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (names[middle]! < prefix) low = middle + 1;
    else high = middle;
  }
  const found: string[] = [];
  for (; low < names.length && names[low]!.startsWith(prefix); low++)
    if (BESIDE.test(names[low]!.slice(stem.length))) found.push(names[low]!);
  return found;
}

/** A folder in diffusers' layout; null for a network that is no use by itself; undefined for any other folder. */
async function readNetwork(
  { path, repository }: Step,
  names: readonly string[],
): Promise<Found | null | undefined> {
  const shared = {
    path,
    form: 'folder',
    name: repository ?? basename(await realpath(path)),
    parent: basename(join(path, '..')),
    beside: [],
  } as const;
  if (names.includes('model_index.json')) {
    const parts = await Promise.all(names.map((name) => identityOf(join(path, name))));
    return { ...shared, bytes: 0, identity: parts.join(' ') };
  }
  if (!names.includes('config.json')) return undefined;
  const config = await readConfig(join(path, 'config.json'));
  const className = config['_class_name'];
  if (typeof className === 'string') {
    const parts = await Promise.all(names.map((name) => identityOf(join(path, name))));
    return { ...shared, className: className.slice(0, 100), bytes: 0, identity: parts.join(' ') };
  }
  return Array.isArray(config['architectures']) ? null : undefined;
}

async function readConfig(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const { size } = await stat(path);
    const value: unknown = size > LARGEST_CONFIG ? {} : JSON.parse(await readFile(path, 'utf8'));
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** The revision that `main` stands for, or else the one that was fetched last. */
async function snapshotOf({ path, depth }: Step): Promise<Step | undefined> {
  const commit = (await readFile(join(path, 'refs', 'main'), 'utf8').catch(() => '')).trim();
  const commits = (await readdir(join(path, 'snapshots')).catch(() => [])).filter(
    (name) => !name.startsWith('.'),
  );
  if (commits.length === 0) return undefined;
  const times = await Promise.all(
    commits.map((name) =>
      stat(join(path, 'snapshots', name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  const newest = commits[times.indexOf(Math.max(...times))]!;
  const repository = basename(path).split('--').slice(2).join('--') || basename(path);
  return {
    path: join(path, 'snapshots', commits.includes(commit) ? commit : newest),
    depth: depth + 1,
    repository,
  };
}

const isDirectory = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

const identityOf = (path: string) =>
  stat(path).then(
    ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
    () => '',
  );
