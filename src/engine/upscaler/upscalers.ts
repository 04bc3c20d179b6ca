/** The upscaler of a request: the one in the model's folder, or one in a file of its own, found before anything is loaded. */
import { DarkroomError } from '../../errors.ts';
import type { Inventory } from '../../models/inventory/inventory.ts';
import { requireSameFiles } from '../../models/seen.ts';
import type { ModelSpec } from '../../models/spec.ts';
import { hashOfUpscaler, upscalerNamed } from '../../models/upscaler/known.ts';
import { openUpscaler } from '../../models/upscaler/network.ts';
import { builtInUpscaler, type ChosenUpscaler } from '../../request.ts';
import { sentence } from '../../sentences.ts';
import { type Device, targetOf } from '../device.ts';
import { type Footprint, footprintOf, footprintOfGraph } from '../memory/memory.ts';
import type { Components } from '../model/model-cache.ts';
import { openSession, type Runner } from '../session.ts';

export { countTiles, enlarge, enlargeTiles } from './enlarge.ts';

/** A network that enlarges pictures; none of its weights is loaded. */
export interface Upscaler {
  readonly name: string;
  readonly scale: number;
  readonly multiple: number;
  readonly footprint: Footprint;
  /** Whether it is in the model's folder, and opens and closes with the model. */
  readonly isOwn: boolean;
  /** @returns what runs it, and frees it where it does not belong to the model */
  open(components: Components): Promise<{ readonly runner: Runner; close(): Promise<void> }>;
}

/** With the side of the tiles for which there is room. */
export interface TiledUpscaler {
  readonly upscaler: Upscaler;
  readonly tile: number;
}

/**
 * @returns undefined where no network enlarges
 * @throws DarkroomError('not_found' | 'bad_model' | 'unsupported') for a file that is not there or cannot be used
 */
export async function findUpscaler(
  { upscaler: name, upscalerHash }: ChosenUpscaler,
  spec: ModelSpec,
  { inventory, device }: { readonly inventory: Inventory; readonly device: Device },
): Promise<Upscaler | undefined> {
  const builtIn = builtInUpscaler(name);
  if (builtIn === 'model') return ownUpscaler(spec, device);
  if (builtIn !== undefined) return undefined;
  const entry = await upscalerNamed(name, inventory);
  const hash = await hashOfUpscaler(entry, inventory);
  if (upscalerHash !== undefined && upscalerHash !== hash) {
    throw new DarkroomError(
      'bad_model',
      sentence('lora.upscaler_replaced', { name, found: hash, hash: upscalerHash }),
    );
  }
  const { scale, multiple, tensors, graph } = await openUpscaler(entry.path);
  const target = targetOf(device);
  return {
    ...{ name: entry.name, scale, multiple, isOwn: false },
    footprint: footprintOfGraph(graph(target)),
    open: async () => {
      const session = await openSession(graph(target), device);
      const close = () => session.close();
      await requireSameFiles(tensors.values()).catch(async (error) => {
        await close();
        throw error;
      });
      return { runner: session, close };
    },
  };
}

/** The one in the model's folder. */
export function ownUpscaler(spec: ModelSpec, device: Device): Upscaler {
  return {
    ...{ name: 'model', scale: spec.defaults.enlarges ?? 1, multiple: 1, isOwn: true },
    footprint: footprintOf(spec, 'upscaler', targetOf(device)),
    open: async (components) => ({ runner: await components.session('upscaler'), close: async () => {} }),
  };
}
