/** Files of a model folder: found, kept within the folder, parsed. */
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { Component, StoredTensor } from '../graph/component.ts';
import { refuseQuantisation, refuseShard } from './foreign-weights.ts';
import { parsePythonJson } from './python-json.ts';
import { SeenFiles } from './seen.ts';
import type { ModelSource } from './source.ts';
import { readTensorFile } from './weights.ts';
import { BEGINNING, describeWrongFile, howToDownload, UNFINISHED } from './wrong-file.ts';

/** Largest file that is read whole; CLIP's vocabulary has about 1 MB. */
const MAX_BYTES = 20_000_000;
const VARIANTS = ['', 'fp32', 'fp16', 'bf16'];

/** One model's files. Every path is resolved first and must lie within the folder. */
export class ModelFiles implements ModelSource {
  /** Real path of the folder. */
  readonly folder: string;
  readonly #root: string;
  readonly #seen = new SeenFiles();

  private constructor(folder: string) {
    this.folder = folder;
    // A snapshot of the Hugging Face cache links to ../../blobs: its root is the repository's cache folder.
    const repository = dirname(dirname(folder));
    const isSnapshot =
      basename(dirname(folder)) === 'snapshots' && basename(repository).startsWith('models--');
    this.#root = isSnapshot ? repository : folder;
  }

  /** @throws DarkroomError('not_found') where there is no such folder */
  static async at(path: string): Promise<ModelFiles> {
    const folder = await realpath(path).catch(() => undefined);
    if (folder === undefined || !(await stat(folder)).isDirectory()) {
      throw new DarkroomError('not_found', `There is no model folder ${path}.`);
    }
    return new ModelFiles(folder);
  }

  async has(name: string): Promise<boolean> {
    await this.#seen.note(join(this.folder, name));
    return stat(join(this.folder, name)).then(
      (found) => found.isFile(),
      () => false,
    );
  }

  /** Names in a subfolder; empty where there is none. */
  async list(subfolder: string): Promise<string[]> {
    await this.#seen.note(join(this.folder, subfolder));
    return readdir(join(this.folder, subfolder)).catch(() => []);
  }

  isUnchanged(): Promise<boolean> {
    return this.#seen.areUnchanged();
  }

  get version(): string {
    return this.#seen.version;
  }

  /** @throws DarkroomError('bad_model') for what is missing or no regular file, and for a link or path that leaves the folder */
  async path(name: string): Promise<string> {
    await this.#seen.note(join(this.folder, name));
    const resolved = await realpath(join(this.folder, name)).catch(() => undefined);
    if (resolved === undefined) throw await this.#missing(name);
    if (!resolved.startsWith(this.#root + sep)) {
      throw new DarkroomError('bad_model', `${this.label(name)} points outside the model's folder.`);
    }
    // Opening a pipe would wait for its writer, and a device can do anything.
    if (!(await stat(resolved)).isFile()) {
      throw new DarkroomError('bad_model', `${this.label(name)} is not a regular file.`);
    }
    return resolved;
  }

  /** A file that is not there may be a download that did not end, under another name or behind a link of the cache. */
  async #missing(name: string): Promise<DarkroomError> {
    const path = join(this.folder, name);
    const download = howToDownload(this.folder, 'Finish it, or download the file again');
    const isLink = await lstat(path).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    const names = isLink ? [] : await readdir(dirname(path)).catch(() => []);
    const unfinished = names.find((other) => other.startsWith(basename(path)) && UNFINISHED.test(other));
    const why = isLink
      ? ` (it is a link to nothing): its download is not finished. ${download}`
      : unfinished === undefined
        ? '.'
        : `, but ${unfinished} is there: its download is not finished. ${download}`;
    return new DarkroomError('bad_model', `${this.label(name)} is missing${why}`);
  }

  async text(name: string): Promise<string> {
    return (await this.bytes(name)).toString('utf8');
  }

  /** For all but weights. @throws DarkroomError('bad_model') where it is too large to be read whole */
  async bytes(name: string): Promise<Buffer> {
    const path = await this.path(name);
    const { size } = await stat(path);
    if (size > MAX_BYTES) {
      throw new DarkroomError(
        'bad_model',
        `${this.label(name)} has ${size} bytes; the limit is ${MAX_BYTES}.`,
      );
    }
    return readFile(path);
  }

  /** A JSON object. -Infinity, Infinity and NaN, which Python writes, are read as the numbers they mean. */
  async json(name: string): Promise<Record<string, unknown>> {
    const text = await this.text(name);
    let value: unknown;
    try {
      value = parsePythonJson(text);
    } catch (cause) {
      const mistake = describeWrongFile(Buffer.from(text.slice(0, BEGINNING)), this.folder);
      throw new DarkroomError('bad_model', `${this.label(name)} ${mistake ?? 'is not valid JSON.'}`, {
        cause,
      });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new DarkroomError('bad_model', `${this.label(name)} is not a JSON object.`);
    }
    return value as Record<string, unknown>;
  }

  /**
   * config.json and the tensors of one component folder, in single or sharded files.
   * @param base of the weight files: 'model' (transformers) or 'diffusion_pytorch_model'
   */
  async component(subfolder: string, base: string): Promise<Component> {
    const config = await this.json(`${subfolder}/config.json`);
    refuseQuantisation(this.label(`${subfolder}/config.json`), config);
    return { configFile: `${subfolder}/config.json`, config, tensors: await this.#tensors(subfolder, base) };
  }

  async #tensors(subfolder: string, base: string): Promise<ReadonlyMap<string, StoredTensor>> {
    for (const [stem, ending] of [
      [base, 'safetensors'],
      // Of the years before safetensors; transformers called its own pytorch_model.
      [base === 'model' ? 'pytorch_model' : base, 'bin'],
    ]) {
      for (const variant of VARIANTS) {
        const dotted = variant === '' ? '' : `.${variant}`;
        const single = `${subfolder}/${stem}${dotted}.${ending}`;
        if (await this.has(single)) return this.#weights(single);
        const index = `${subfolder}/${stem}.${ending}.index${dotted}.json`;
        if (await this.has(index)) return this.#sharded(subfolder, index, `.${ending}`);
      }
    }
    const names = await this.list(subfolder);
    const unfinished = names.find((name) => name.startsWith(base) && UNFINISHED.test(name));
    if (unfinished !== undefined) {
      throw new DarkroomError(
        'bad_model',
        `${this.label(subfolder)} holds ${unfinished}: its download is not finished. ${howToDownload(this.folder, 'Finish it, or download the file again')}`,
      );
    }
    const shard = names.find((name) => refuseShard(name) !== undefined);
    throw new DarkroomError(
      'bad_model',
      shard === undefined
        ? `${this.label(subfolder)} holds no ${base}.safetensors.`
        : `${this.label(subfolder)} holds ${shard} without ${base}.safetensors.index.json, which lists its parts. ${howToDownload(this.folder, 'Download that file too')}`,
    );
  }

  async #weights(name: string): Promise<ReadonlyMap<string, StoredTensor>> {
    const of = { label: this.label(name), folder: this.folder };
    return (await readTensorFile(await this.path(name), of)).tensors;
  }

  async #sharded(
    subfolder: string,
    index: string,
    ending: string,
  ): Promise<ReadonlyMap<string, StoredTensor>> {
    const { weight_map: map } = await this.json(index);
    if (typeof map !== 'object' || map === null) {
      throw new DarkroomError('bad_model', `${this.label(index)} has no weight_map.`);
    }
    const tensors = new Map<string, StoredTensor>();
    const shards = new Map<string, ReadonlyMap<string, StoredTensor>>();
    for (const [name, shard] of Object.entries(map)) {
      if (typeof shard !== 'string' || !shard.endsWith(ending) || /[/\\]/.test(shard)) {
        throw new DarkroomError(
          'bad_model',
          `${this.label(index)}: ${name} lies in ${JSON.stringify(shard)}, which is not a ${ending} file in this folder.`,
        );
      }
      let inShard = shards.get(shard);
      if (inShard === undefined) {
        inShard = await this.#weights(`${subfolder}/${shard}`);
        shards.set(shard, inShard);
      }
      const stored = inShard.get(name);
      if (stored === undefined)
        throw new DarkroomError('bad_model', `${this.label(index)}: ${shard} lacks ${name}.`);
      tensors.set(name, stored);
    }
    for (const [shard, inShard] of shards) {
      const unlisted = inShard.keys().find((name) => tensors.get(name)?.file !== inShard.get(name)?.file);
      if (unlisted !== undefined) {
        throw new DarkroomError('bad_model', `${this.label(index)} does not list ${unlisted} of ${shard}.`);
      }
    }
    return tensors;
  }

  label(name: string): string {
    return `${basename(this.folder)}/${name}`;
  }
}
