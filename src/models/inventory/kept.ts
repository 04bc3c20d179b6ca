/** What was found out about files, kept in the data folder, so that a start need not open each of them again. */
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { CONTROL_KINDS } from '../../request.ts';
import { FILE_KINDS } from '../recognise.ts';
import type { Facts } from './facts.ts';

export interface Known {
  readonly identity: string;
  readonly facts: Facts;
  /** Stays as long as the file is there: recipes and settings name it. */
  readonly name: string;
  /** Hex; of a file whose hash has been computed. */
  readonly sha256?: string;
}

/** One higher when what is found out about a file changes. */
const VERSION = 9;
const LARGEST = 200_000_000;

const text = z.string();
const facts = z.object({
  kind: z.enum(FILE_KINDS),
  ...{
    family: text.optional(),
    variant: text.optional(),
    predictionType: text.optional(),
    fewSteps: text.optional(),
    dtype: text.optional(),
  },
  ...{
    parameters: z.number().optional(),
    weights: z.number().optional(),
    refusal: text.optional(),
    title: text.optional(),
    licence: text.optional(),
    commercial: z.boolean().optional(),
  },
  ...{ baseModel: text.optional(), triggerWords: z.array(text).optional(), thumbnail: text.optional() },
  control: z.enum(CONTROL_KINDS).optional(),
});
const schema = z.object({
  version: z.literal(VERSION),
  files: z.record(text, z.object({ identity: text, name: text, sha256: text.optional(), facts })),
});

export interface KeptOptions {
  /** Where it is kept; in memory only where left out. */
  readonly file?: string | undefined;
  /** False for a process beside the one that keeps it: that one's is read and never written. */
  readonly keeps?: boolean;
}

/** What is known of files, by their paths. */
export class KeptFiles {
  readonly #file: string | undefined;
  readonly #keeps: boolean;
  readonly #known = new Map<string, Known>();
  /** Milliseconds, the time of the file that was read last; undefined before the first load. */
  #readAt: number | undefined;
  #writing: NodeJS.Timeout | undefined;

  constructor({ file, keeps = true }: KeptOptions) {
    this.#file = file;
    this.#keeps = keeps;
  }

  get(path: string): Known | undefined {
    return this.#known.get(path);
  }

  set(path: string, known: Known): void {
    this.#known.set(path, known);
  }

  /** Forgets the files that are gone. */
  keepOnly(isThere: (path: string) => boolean): void {
    for (const path of this.#known.keys()) if (!isThere(path)) this.#known.delete(path);
  }

  /** Reads the file once, or whenever another process has written it. */
  async load(): Promise<void> {
    if (this.#file === undefined || (this.#keeps && this.#readAt !== undefined)) return;
    const at = await stat(this.#file).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    if (at === this.#readAt) return;
    for (const [path, known] of await readKept(this.#file)) this.#known.set(path, known);
    this.#readAt = at;
  }

  /** Writes the file in some time, together with what comes until then. @param after milliseconds */
  saveSoon(after: number): void {
    if (this.#file === undefined || !this.#keeps || this.#writing !== undefined) return;
    this.#writing = setTimeout(() => void this.save(), after);
    this.#writing.unref();
  }

  async save(): Promise<void> {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    if (this.#file === undefined || !this.#keeps || this.#readAt === undefined) return;
    // What another process has hashed meanwhile stays known.
    for (const [path, { identity, sha256 }] of await readKept(this.#file)) {
      const known = this.#known.get(path);
      if (sha256 !== undefined && known?.identity === identity && known.sha256 === undefined)
        this.#known.set(path, { ...known, sha256 });
    }
    await writeKept(this.#file, this.#known);
  }
}

/** @returns nothing known where the file is missing, damaged or of another version */
async function readKept(file: string): Promise<Map<string, Known>> {
  try {
    const content = await readFile(file, 'utf8');
    if (content.length > LARGEST) return new Map();
    const { files } = schema.parse(JSON.parse(content));
    return new Map(Object.entries(files) as [string, Known][]);
  } catch {
    return new Map();
  }
}

/** Whole or not at all. A folder that cannot be written costs the next start time, and nothing else. */
async function writeKept(file: string, known: ReadonlyMap<string, Known>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    await writeFile(part, JSON.stringify({ version: VERSION, files: Object.fromEntries(known) }), {
      mode: 0o600,
    });
    await rename(part, file);
  } catch {
    await rm(part, { force: true }).catch(() => undefined);
  }
}
