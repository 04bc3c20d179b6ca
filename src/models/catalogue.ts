/** The models of this machine by name. */
import { readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DarkroomError, offerNames } from '../errors.ts';
import { ModelFiles } from './files.ts';
import { openModelFolder } from './folder.ts';
import type { ModelSpec } from './spec.ts';

export interface CatalogueEntry {
  readonly name: string;
  readonly folder: string;
}

/** Looks again at each call: a folder that is copied in is found, and a model whose files changed is opened again. */
export class Catalogue {
  readonly #folders: readonly string[];
  /** By folder and name. */
  readonly #opened = new Map<string, ModelSpec>();

  /** @param folders each holds model folders, or is one itself; where two models share a name, the first one has it */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** All models in the order of the folders; nothing of them is opened. Folders that cannot be read are empty. */
  async list(): Promise<CatalogueEntry[]> {
    const found = new Map<string, CatalogueEntry>();
    for (const folder of this.#folders) {
      for (const candidate of [folder, ...(await subfolders(folder))]) {
        const real = await realpath(candidate).catch(() => candidate);
        const name = basename(candidate === folder ? real : candidate);
        if (!found.has(name) && (await isModel(candidate))) found.set(name, { name, folder: real });
      }
    }
    return [...found.values()];
  }

  /** @throws DarkroomError('not_found') that offers the nearest names; and what openModelFolder throws */
  async open(name: string): Promise<ModelSpec> {
    const entries = await this.list();
    const entry = entries.find((known) => known.name === name);
    if (entry !== undefined) return this.#open(entry.folder, entry.name);
    const names = entries.map((known) => known.name);
    const offer = names.length === 0 ? 'No models are installed.' : offerNames(name, names);
    throw new DarkroomError('not_found', `There is no model ${name}. ${offer}`);
  }

  /** A name, or the path of a folder. For the operator's shell only: what comes from a chat goes to open(). */
  async openNameOrFolder(nameOrFolder: string): Promise<ModelSpec> {
    const entries = await this.list();
    const isName = entries.some(({ name }) => name === nameOrFolder);
    if (!isName && (/[/\\]/.test(nameOrFolder) || (await isModel(nameOrFolder))))
      return this.#open(nameOrFolder);
    return this.open(nameOrFolder);
  }

  /** One spec for as long as the files are the same: who compares specs sees a change. */
  async #open(folder: string, name?: string): Promise<ModelSpec> {
    const key = `${name ?? ''}\n${folder}`;
    const known = this.#opened.get(key);
    if (known !== undefined && (await known.isCurrent())) return known;
    this.#opened.delete(key);
    const spec = await openModelFolder(folder, name);
    this.#opened.set(key, spec);
    return spec;
  }
}

async function isModel(folder: string): Promise<boolean> {
  const files = await ModelFiles.at(folder).catch(() => undefined);
  return (await files?.has('model_index.json')) ?? false;
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map((entry) => join(folder, entry.name))
    .sort();
}
