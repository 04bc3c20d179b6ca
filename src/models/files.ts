/** Files of a model folder: found, kept within the folder, parsed. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { Component, StoredTensor } from '../graph/component.ts';
import { readSafetensors } from './safetensors.ts';

/** Longest JSON file that is read; CLIP's vocabulary has about 1 MB. */
const MAX_JSON_BYTES = 20_000_000;
const VARIANTS = ['', 'fp32', 'fp16', 'bf16'];

/** One model's files. Every path is resolved first and must lie within the folder. */
export class ModelFiles {
  /** Real path of the folder. */
  readonly folder: string;
  readonly #root: string;

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
    return stat(join(this.folder, name)).then(
      (found) => found.isFile(),
      () => false,
    );
  }

  /** Names in a subfolder; empty where there is none. */
  async list(subfolder: string): Promise<string[]> {
    return readdir(join(this.folder, subfolder)).catch(() => []);
  }

  /** @throws DarkroomError('bad_model') for a missing file and for a link or path that leaves the folder */
  async path(name: string): Promise<string> {
    const resolved = await realpath(join(this.folder, name)).catch(() => undefined);
    if (resolved === undefined) throw new DarkroomError('bad_model', `${this.#label(name)} is missing.`);
    if (!resolved.startsWith(this.#root + sep)) {
      throw new DarkroomError('bad_model', `${this.#label(name)} leads out of the model's folder.`);
    }
    return resolved;
  }

  async text(name: string): Promise<string> {
    const path = await this.path(name);
    const { size } = await stat(path);
    if (size > MAX_JSON_BYTES) {
      throw new DarkroomError(
        'bad_model',
        `${this.#label(name)} has ${size} bytes; the limit is ${MAX_JSON_BYTES}.`,
      );
    }
    return readFile(path, 'utf8');
  }

  /** A JSON object. -Infinity, Infinity and NaN, which Python writes, are read as the numbers they mean. */
  async json(name: string): Promise<Record<string, unknown>> {
    const text = await this.text(name);
    let value: unknown;
    try {
      value = parsePythonJson(text);
    } catch (cause) {
      throw new DarkroomError('bad_model', `${this.#label(name)} is no JSON.`, { cause });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new DarkroomError('bad_model', `${this.#label(name)} is no JSON object.`);
    }
    return value as Record<string, unknown>;
  }

  /**
   * config.json and the tensors of one component folder, in single or sharded files.
   * @param base of the weight files: 'model' (transformers) or 'diffusion_pytorch_model'
   */
  async component(subfolder: string, base: string): Promise<Component> {
    const config = await this.json(`${subfolder}/config.json`);
    return { configFile: `${subfolder}/config.json`, config, tensors: await this.#tensors(subfolder, base) };
  }

  async #tensors(subfolder: string, base: string): Promise<ReadonlyMap<string, StoredTensor>> {
    for (const variant of VARIANTS) {
      const dotted = variant === '' ? '' : `.${variant}`;
      const single = `${subfolder}/${base}${dotted}.safetensors`;
      if (await this.has(single)) return readSafetensors(await this.path(single));
      const index = `${subfolder}/${base}.safetensors.index${dotted}.json`;
      if (await this.has(index)) return this.#sharded(subfolder, index);
    }
    const pickle = (await this.list(subfolder)).find((name) => /\.(bin|ckpt|pt|pth|pkl)$/.test(name));
    throw new DarkroomError(
      'bad_model',
      pickle === undefined
        ? `${this.#label(subfolder)} holds no ${base}.safetensors.`
        : `${this.#label(subfolder)} holds its weights as ${pickle}, a pickle that can run code when it is opened. Convert it to safetensors first.`,
    );
  }

  async #sharded(subfolder: string, index: string): Promise<ReadonlyMap<string, StoredTensor>> {
    const { weight_map: map } = await this.json(index);
    if (typeof map !== 'object' || map === null) {
      throw new DarkroomError('bad_model', `${this.#label(index)} has no weight_map.`);
    }
    const tensors = new Map<string, StoredTensor>();
    const shards = new Map<string, Map<string, StoredTensor>>();
    for (const [name, shard] of Object.entries(map)) {
      if (typeof shard !== 'string' || !shard.endsWith('.safetensors') || /[/\\]/.test(shard)) {
        throw new DarkroomError(
          'bad_model',
          `${this.#label(index)}: ${name} lies in ${JSON.stringify(shard)}, which is no safetensors file of this folder.`,
        );
      }
      let inShard = shards.get(shard);
      if (inShard === undefined) {
        inShard = await readSafetensors(await this.path(`${subfolder}/${shard}`));
        shards.set(shard, inShard);
      }
      const stored = inShard.get(name);
      if (stored === undefined)
        throw new DarkroomError('bad_model', `${this.#label(index)}: ${shard} lacks ${name}.`);
      tensors.set(name, stored);
    }
    for (const [shard, inShard] of shards) {
      const unlisted = inShard.keys().find((name) => tensors.get(name)?.file !== inShard.get(name)?.file);
      if (unlisted !== undefined) {
        throw new DarkroomError('bad_model', `${this.#label(index)} does not list ${unlisted} of ${shard}.`);
      }
    }
    return tensors;
  }

  #label(name: string): string {
    return `${basename(this.folder)}/${name}`;
  }
}

const NAN = '\u0000NaN';

/** JSON with Python's three additions; what stands within strings stays as it is. */
export function parsePythonJson(text: string): unknown {
  const plain = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (token) => {
    if (token === 'NaN') return JSON.stringify(NAN);
    if (token.endsWith('Infinity')) return token.startsWith('-') ? '-1e999' : '1e999';
    return token;
  });
  return JSON.parse(plain, (_, value: unknown) => (value === NAN ? Number.NaN : value));
}
