/** The models of this machine by name. */
import { stat } from 'node:fs/promises';
import { DarkroomError, offer } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { openCheckpoint } from './checkpoint/open.ts';
import { openModelFolder } from './folder.ts';
import { hashOfPart } from './hashes.ts';
import { type Entry, Inventory } from './inventory/inventory.ts';
import type { KeptOptions } from './inventory/kept.ts';
import type { ModelSpec } from './spec.ts';

interface CatalogueEntry {
  readonly name: string;
  /** Of a folder in diffusers' layout, or of a single file. */
  readonly folder: string;
}

/** Looks again at each call: a model that is copied in is found, and one whose files changed is opened again. */
export class Catalogue {
  readonly inventory: Inventory;
  /** By path and name. */
  readonly #opened = new Map<string, ModelSpec>();

  /**
   * @param folders hold models in any layout, or are one themselves; where two models share a name, the first one has it
   * @param options.file where the inventory is kept
   */
  constructor(folders: readonly string[], options: KeptOptions = {}) {
    this.inventory = new Inventory(folders, options);
  }

  /** All models in the order of the folders; none is opened. Folders that cannot be read are empty. */
  async list(): Promise<CatalogueEntry[]> {
    await this.inventory.look();
    await this.inventory.settled();
    return this.inventory.entries('checkpoint').map(({ name, path }) => ({ name, folder: path }));
  }

  /** @throws DarkroomError('not_found') that offers the nearest names; and what opening a model throws */
  async open(name: string): Promise<ModelSpec> {
    const entry = await this.inventory.find('checkpoint', name);
    if (entry !== undefined) return this.#openEntry(entry);
    throw await this.#unknown(name);
  }

  /** A name, or the path of a folder or file. For the operator's shell only: what comes from a chat goes to open(). */
  async openNameOrFolder(nameOrFolder: string): Promise<ModelSpec> {
    const entry = await this.inventory.find('checkpoint', nameOrFolder);
    if (entry !== undefined) return this.#openEntry(entry);
    const found = await stat(nameOrFolder).catch(() => undefined);
    if (found === undefined && !/[/\\]/.test(nameOrFolder)) throw await this.#unknown(nameOrFolder);
    return this.#open(nameOrFolder, found?.isFile() === true ? 'file' : 'folder');
  }

  /** @throws DarkroomError where a file of that name cannot be used */
  async #unknown(name: string): Promise<DarkroomError> {
    await this.inventory.nearlySettled();
    this.inventory.requireUsable('checkpoint', name);
    const names = this.inventory.entries('checkpoint').map((known) => known.name);
    const unread = this.inventory.unread;
    const offered = names.length === 0 ? sentence('models.none_installed') : offer(name, names);
    return new DarkroomError(
      'not_found',
      unread === 0
        ? sentence('models.none', { name, offer: offered })
        : sentence('models.none_yet', { name, offer: offered, unread }),
    );
  }

  #openEntry(entry: Entry): Promise<ModelSpec> {
    return this.#open(entry.path, entry.form, entry.name);
  }

  /** Files that may hold a part which another one lacks; those that hold nothing else first. */
  async #lenders(part: 'vae' | 'text_encoder'): Promise<Entry[]> {
    await this.inventory.look();
    await this.inventory.settled();
    return [...this.inventory.entries(part), ...this.inventory.entries('checkpoint')].filter(
      ({ form }) => form === 'file',
    );
  }

  /** One spec for as long as the files are the same: who compares specs sees a change. */
  async #open(path: string, form: Entry['form'], name?: string): Promise<ModelSpec> {
    const key = `${name ?? ''}\n${path}`;
    const known = this.#opened.get(key);
    if (known !== undefined && (await known.isCurrent())) return known;
    this.#opened.delete(key);
    const spec = await (form === 'file' ? this.#openFile(path, name) : openModelFolder(path, name));
    this.#opened.set(key, spec);
    return spec;
  }

  async #openFile(path: string, name?: string): Promise<ModelSpec> {
    const spec = await openCheckpoint(path, name, (part) => this.#lenders(part));
    const { component } = spec.denoiser;
    return { ...spec, modelHash: () => hashOfPart(component, path, this.inventory) };
  }
}
