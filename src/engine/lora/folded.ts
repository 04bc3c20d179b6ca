/** Components with LoRAs folded into their weights, and the files that hold those: the last few are kept. */
import { access, mkdtemp, open, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Component } from '../../graph/component.ts';
import { Lru } from '../../lru.ts';
import type { Arithmetic } from '../../models/lora/delta.ts';
import { sideFilesOf, sourceOf } from '../../models/side-files.ts';
import { type Device, targetOf } from '../device.ts';
import type { WeightedChange } from './change.ts';
import { type Fold, planFold, withFold, writeFold } from './fold.ts';

/** Raised when the same LoRAs give other weights. */
const VERSION = 'folded 1';
/** Components that are kept. */
const KEPT = 4;

/** Who uses components: the open models. */
export interface ComponentUsers {
  isUsed(component: Component): boolean;
  /** No job will ask for it again. */
  forget(component: Component): void;
}

interface Place {
  readonly path: string;
  /** Gives the file up. */
  drop(): Promise<void>;
}

interface Folded {
  readonly made: Promise<{ readonly component: Component; readonly place: Place }>;
  /** Once it is made. */
  component?: Component;
}

export class FoldedComponents {
  readonly #device: Device;
  readonly #kept: Lru<Folded>;

  constructor(device: Device, users: ComponentUsers) {
    this.#device = device;
    this.#kept = new Lru<Folded>({
      limit: KEPT,
      isIdle: ({ component }) => component !== undefined && !users.isUsed(component),
      onDrop: (folded) => {
        users.forget(folded.component!);
        void drop(folded);
      },
    });
  }

  /**
   * @param key of the component and the LoRAs' files and weights, within this process
   * @param changes of this component, in the order of the LoRAs
   * @param loras the same for the same files and weights in every process
   * @throws DarkroomError('bad_model') for a LoRA that holds NaN or infinite numbers
   */
  async fold(
    component: Component,
    changes: readonly WeightedChange[],
    {
      key,
      loras,
      arithmetic,
    }: { readonly key: string; readonly loras: string; readonly arithmetic: Arithmetic },
  ): Promise<Component> {
    const known = this.#kept.get(key);
    if (known !== undefined) {
      const { component: made, place } = await known.made;
      // The folder of what is kept may be deleted at any time.
      if (
        await access(place.path).then(
          () => true,
          () => false,
        )
      )
        return made;
      this.#kept.delete(key);
    }
    const fold = planFold(component, changes, targetOf(this.#device).type === 'float' ? 'F32' : 'F16');
    const folded: Folded = {
      made: this.#place(fold, loras, arithmetic).then((place) => {
        folded.component = withFold(component, fold, place.path);
        return { component: folded.component, place };
      }),
    };
    this.#kept.set(key, folded);
    folded.made.catch(() => this.#kept.delete(key));
    return (await folded.made).component;
  }

  async close(): Promise<void> {
    await Promise.all(this.#kept.clear().map(drop));
  }

  /** Among the side files, or, where none are kept, in a folder of its own. */
  async #place(fold: Fold, loras: string, arithmetic: Arithmetic): Promise<Place> {
    const { sideFiles } = this.#device;
    if (sideFiles !== undefined) {
      const write = (file: Parameters<typeof writeFold>[1]) => writeFold(fold, file, arithmetic);
      const kept = await sideFilesOf(sideFiles).open(await keyOf(fold, loras), fold.bytes, write);
      if (kept !== undefined) return { path: kept.path, drop: async () => kept.release() };
    }
    const folder = await mkdtemp(join(await realpath(tmpdir()), 'darkroom-lora-'));
    const place = { path: join(folder, 'weights'), drop: () => rm(folder, { recursive: true, force: true }) };
    try {
      const file = await open(place.path, 'wx');
      await writeFold(fold, file, arithmetic).finally(() => file.close());
      return place;
    } catch (error) {
      await place.drop();
      throw error;
    }
  }
}

async function keyOf({ dtype, weights }: Fold, loras: string): Promise<string[]> {
  const files = new Set(
    weights.flatMap(({ stored }) => [stored.file, stored.decode?.scale?.file ?? []].flat()),
  );
  const places = weights.map(({ name, stored }) => `${name} ${stored.offset}`).join('\n');
  return [VERSION, dtype, loras, places, ...(await Promise.all([...files].map(sourceOf)))];
}

async function drop({ made }: Folded): Promise<void> {
  const { place } = await made.catch(() => ({ place: undefined }));
  await place?.drop();
}
