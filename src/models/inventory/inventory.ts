/** The models of this machine: found in the operator's folders, recognised by their contents, called by name. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError } from '../../errors.ts';
import { kindKey } from '../../model-kinds.ts';
import { plainName } from '../../model-names.ts';
import { sentence } from '../../sentences.ts';
import type { FileKind } from '../recognise.ts';
import { type Facts, readFacts } from './facts.ts';
import { KeptFiles, type KeptOptions, type Known } from './kept.ts';
import { chooseName, typable } from './names.ts';
import { type Found, identityOfFile, walk } from './walk.ts';

export interface Entry extends Facts {
  /** Unlike those of all others of its kind. */
  readonly name: string;
  /** As the operator's folders name it: of a file, or of a folder in diffusers' layout. */
  readonly path: string;
  readonly form: 'file' | 'folder';
  /** Of a folder those of its weights, 0 where they are not known. */
  readonly bytes: number;
  /** Hex; absent until it has been computed, and for folders. */
  readonly sha256?: string;
  /** Why its name is not the file's own, as a sentence. */
  readonly renamed?: string;
}

/** Milliseconds after which what was found out is written down. */
const WRITE_AFTER = 3000;
/** A file that was changed this recently and cannot be read is still being written. */
const SETTLING = 5000;

/** Milliseconds for which a look counts as fresh, where it took no time. */
const FRESH = 1000;
/** Files whose headers are read at the same time: a disk, and more so a network, answers several at once. */
const AT_ONCE = 8;
/** Files that are read while somebody waits. */
const FEW = 200;

export class Inventory {
  readonly #folders: readonly string[];
  readonly #known: KeptFiles;
  #found = new Map<string, Found>();
  #refused: ReadonlyMap<string, string> = new Map();
  /** Paths of files that cannot be read and were changed a moment ago, with their names. */
  readonly #settling = new Map<string, string>();
  #watched: readonly string[] = [];
  /** By path. */
  #entries = new Map<string, Entry>();
  /** Milliseconds, of performance.now(). */
  #freshUntil = 0;
  /** Paths by kind and name. */
  #owners = new Map<string, string>();
  /** Those whose contents are not known yet, next first. */
  #unread = new Set<Found>();
  #reading: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();

  /** @param folders of the operator; where two models share a name, the first one has it */
  constructor(folders: readonly string[], options: KeptOptions = {}) {
    this.#folders = folders;
    this.#known = new KeptFiles(options);
  }

  /** Looks at the folders again. What is new is read by settled(), or by find() where it is asked for. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Reads what is not known yet. */
  async settled(): Promise<void> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  /** The same where that is a matter of moments, for a sentence that offers names. */
  async nearlySettled(): Promise<void> {
    if (this.#unread.size <= FEW) await this.settled();
  }

  /** What is known so far, in the order of the folders. */
  entries(kind?: FileKind): Entry[] {
    const all = [...this.#entries.values()];
    return kind === undefined ? all : all.filter((entry) => entry.kind === kind);
  }

  /** Files whose contents are not known yet. */
  get unread(): number {
    return this.#unread.size;
  }

  /** Why something was passed over, as sentences by path. */
  get refused(): ReadonlyMap<string, string> {
    return this.#refused;
  }

  /** Every folder that was looked into. */
  get watched(): readonly string[] {
    return this.#watched;
  }

  /**
   * By its name, or as A1111 writes it. A file that is new, and one that is not read yet, is found as well.
   * @returns undefined where there is none
   */
  async find(kind: FileKind, name: string): Promise<Entry | undefined> {
    const known = this.#named(kind, name);
    if (known !== undefined && (await this.#isCurrent(known))) return known;
    await this.look();
    const asked = plainName(typable(name));
    const wanted = asked.replace(/-\d+$/, '');
    const early = [...this.#unread].filter(({ name: own }) => {
      const plain = plainName(typable(own));
      return plain === asked || plain === wanted || wanted.endsWith(`-${plain}`);
    });
    for (const one of early) await this.#read(one);
    return this.#named(kind, name);
  }

  /** What is called so among what is known, of every kind: by its name, its path, or its file's own name in any case. */
  called(name: string): Entry[] {
    const all = this.entries();
    const exact = all.filter((entry) => entry.name === name || entry.path === name);
    if (exact.length > 0) return exact;
    const wanted = [plainName(name), plainName(typable(name))];
    return all.filter((entry) => wanted.includes(plainName(entry.name)));
  }

  /**
   * For whoever did not find a name: why the file that is called so does not count.
   * @param kind that was looked for
   * @throws DarkroomError('bad_model') for a file that is still being written, or cannot be used; ('not_found') for one of
   *   another kind
   */
  requireUsable(kind: FileKind, name: string): void {
    const wanted = plainName(name);
    const settling = this.#settling.values().find((own) => plainName(own) === wanted);
    if (settling !== undefined)
      throw new DarkroomError('bad_model', sentence('models.still_written', { name: settling }));
    const named = this.entries().filter((entry) => plainName(entry.name) === wanted);
    const refused = named.find(({ refusal }) => refusal !== undefined);
    if (refused !== undefined)
      throw new DarkroomError('bad_model', `${refused.name} cannot be used. ${refused.refusal}`);
    const other = named.find((entry) => entry.kind !== kind);
    if (other === undefined) return;
    const kinds = { wanted: sentence(kindKey(kind)), kind: sentence(kindKey(other.kind)) };
    throw new DarkroomError('not_found', sentence('models.of_other_kind', { name: other.name, ...kinds }));
  }

  /**
   * Everything whose name is wanted; files that came within the last seconds may be missing.
   * @param isWanted asked for each name once
   */
  async matching(isWanted: (name: string) => boolean): Promise<Entry[]> {
    if (performance.now() >= this.#freshUntil) await this.look();
    for (const one of [...this.#unread].filter(({ name }) => isWanted(typable(name)))) await this.#read(one);
    return this.entries().filter(({ name }) => isWanted(name));
  }

  /** By the path that one of the folders was given as, or that it is at below one. */
  async at(kind: FileKind, path: string): Promise<Entry | undefined> {
    await this.look();
    const unread = this.#unread.values().find((one) => one.path === path);
    if (unread !== undefined) await this.#read(unread);
    const entry = this.#entries.get(path);
    return entry?.kind === kind ? entry : undefined;
  }

  /** @param listener called when entries come, go or change; @returns what ends that */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * SHA-256 of a file, kept for as long as it stays as it is.
   * @param pace rests so many times as long as it works
   * @returns undefined for a folder and for a file that is not there
   */
  async hash(
    path: string,
    { pace = 0, signal }: { pace?: number; signal?: AbortSignal } = {},
  ): Promise<string | undefined> {
    const found = await this.#current(path);
    const known = this.#known.get(path);
    if (found === undefined || known === undefined || found.form === 'folder') return undefined;
    if (known.sha256 !== undefined) return known.sha256;
    const hash = createHash('sha256');
    try {
      let begun = performance.now();
      for await (const chunk of createReadStream(path, {
        highWaterMark: 1 << 22,
        ...(signal && { signal }),
      })) {
        hash.update(chunk as Buffer);
        if (pace > 0) await sleep((performance.now() - begun) * pace);
        begun = performance.now();
      }
    } catch {
      return undefined;
    }
    const sha256 = hash.digest('hex');
    // It may have been replaced meanwhile.
    if (this.#found.get(path)?.identity !== found.identity) return undefined;
    this.#note(found, { ...known, sha256 });
    return sha256;
  }

  /** Writes down what was found out; call it before the process ends. */
  save(): Promise<void> {
    return this.#known.save();
  }

  async #look(): Promise<void> {
    await this.#known.load();
    const begun = performance.now();
    const { found, refused, folders } = await walk(this.#folders);
    const ended = performance.now();
    this.#freshUntil = ended + Math.max(FRESH, (ended - begun) * 10);
    this.#refused = refused;
    this.#watched = folders;
    const before = this.#found;
    this.#found = new Map(found.map((one) => [one.path, one]));
    for (const path of this.#settling.keys()) if (!this.#found.has(path)) this.#settling.delete(path);
    const isSame =
      before.size === this.#found.size &&
      found.every((one) => before.get(one.path)?.identity === one.identity);
    if (isSame && this.#unread.size === 0) return;
    this.#known.keepOnly((path) => this.#found.has(path));
    this.#unread = new Set(
      found.filter(({ path, identity }) => this.#known.get(path)?.identity !== identity),
    );
    this.#arrange();
  }

  async #readAll(): Promise<void> {
    while (this.#unread.size > 0) {
      const next = this.#unread.values().take(AT_ONCE).toArray();
      const read = await Promise.all(next.map(readFacts));
      // In the order of the folders: the first of two with one name keeps it.
      for (const [i, facts] of read.entries()) this.#take(next[i]!, facts);
      // Headers of thousands of files must not keep others waiting.
      await setImmediate();
    }
  }

  async #read(found: Found): Promise<void> {
    this.#take(found, await readFacts(found));
  }

  #take(found: Found, facts: Facts): void {
    if (!this.#unread.delete(found)) return;
    if (this.#found.get(found.path) !== found) return;
    const mtime = Number(found.identity.split(' ')[1]);
    if (facts.refusal !== undefined && facts.kind === 'unknown' && Date.now() - mtime < SETTLING) {
      // The next look sees it again.
      this.#found.delete(found.path);
      this.#settling.set(found.path, typable(found.name));
      return;
    }
    this.#settling.delete(found.path);
    const before = this.#known.get(found.path);
    const ownerOf = (name: string) => this.#owners.get(`${facts.kind}\n${name}`);
    const isKept =
      before !== undefined &&
      before.facts.kind === facts.kind &&
      (ownerOf(before.name) ?? found.path) === found.path;
    const name = isKept ? before.name : chooseName(found, ownerOf);
    this.#note(found, { identity: found.identity, facts, name });
  }

  #note(found: Found, known: Known): void {
    this.#known.set(found.path, known);
    this.#entries.set(found.path, entryOf(found, known));
    this.#owners.set(`${known.facts.kind}\n${known.name}`, found.path);
    this.#changed();
  }

  /** Entries in the order of the folders, of what is known and still there. */
  #arrange(): void {
    const entries = new Map<string, Entry>();
    for (const found of this.#found.values()) {
      const known = this.#known.get(found.path);
      if (known?.identity === found.identity) entries.set(found.path, entryOf(found, known));
    }
    this.#entries = entries;
    this.#owners = new Map(entries.values().map(({ kind, name, path }) => [`${kind}\n${name}`, path]));
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
    // All of it is written each time: while thousands are read, seldom.
    this.#known.saveSoon(this.#unread.size > FEW ? WRITE_AFTER * 10 : WRITE_AFTER);
  }

  #named(kind: FileKind, name: string): Entry | undefined {
    const all = this.entries(kind);
    const wanted = plainName(name);
    return (
      all.find((entry) => entry.name === name) ??
      all.find((entry) => plainName(entry.name) === wanted) ??
      // The file's own name, which may hold what typed ones cannot.
      all.find((entry) => plainName(entry.name) === plainName(typable(name)))
    );
  }

  /** What is there now, its contents known. */
  async #current(path: string): Promise<Found | undefined> {
    const found = this.#found.get(path);
    if (found === undefined || found.form === 'folder') return found;
    if ((await identityOfFile(found)) === found.identity) return found;
    await this.look();
    const now = this.#found.get(path);
    if (now !== undefined && this.#unread.has(now)) await this.#read(now);
    return now;
  }

  async #isCurrent({ path }: Entry): Promise<boolean> {
    const found = this.#found.get(path);
    if (found === undefined) return false;
    // A folder's own files are looked at when it is opened; here it is enough that it is there.
    if (found.form === 'folder')
      return stat(path).then(
        (now) => now.isDirectory(),
        () => false,
      );
    return (await identityOfFile(found)) === found.identity;
  }
}

function entryOf({ path, form, bytes, name: own }: Found, { facts, name, sha256 }: Known): Entry {
  const isRenamed = name !== typable(own);
  return {
    ...{ ...facts, name, path, form, bytes: form === 'folder' ? (facts.weights ?? 0) : bytes },
    ...(sha256 !== undefined && { sha256 }),
    ...(isRenamed && {
      renamed: `Another ${facts.kind} is called ${typable(own)}, so this one is called ${name}.`,
    }),
  };
}
