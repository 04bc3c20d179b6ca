/** A stored picture made larger as it is; where that is asked for, its detail is redrawn in tiles of the model's size. */
import { performance } from 'node:perf_hooks';
import { createRandom } from '../diffusion/random.ts';
import { DarkroomError } from '../errors.ts';
import { projectBack } from '../image/back-projection.ts';
import { decodeRgb, toPlanes } from '../image/pixels.ts';
import { type Raster, resample } from '../image/resample.ts';
import { blendTiles, cutTile, type PlacedTile } from '../image/tiles.ts';
import type { Job, JobMemory, Progress, Run } from '../job.ts';
import type { Inventory } from '../models/inventory/inventory.ts';
import type { ModelSpec } from '../models/spec.ts';
import {
  type GenerationRequest,
  layTiles,
  type PartFile,
  seedOfPicture,
  type TilePlace,
  type UpscaleImageRequest,
} from '../request.ts';
import { sentence } from '../sentences.ts';
import type { Tensor } from '../tensor.ts';
import { checkRequest, isInpaintingModel } from './check.ts';
import { denoise } from './denoise.ts';
import { finishedPicture, type Look } from './finished.ts';
import { requireFinite } from './finite.ts';
import type { Adapted } from './lora/loras.ts';
import type { MemoryPlan, Saver } from './memory/memory.ts';
import type { ModelLease } from './model/model-cache.ts';
import type { Pass } from './pass.ts';
import { type PlannedPass, planPasses } from './passes.ts';
import { bytesOf, decodeLatents, encodePicture } from './picture/pictures.ts';
import { type Encoded, encodeConditions } from './prepare.ts';
import { type Inversions, NO_INVERSIONS, readInversions } from './prompt/prompt.ts';
import { recipeTexts } from './recipe.ts';
import type { PipelineRun } from './run.ts';
import { countTiles, enlargeTiles, type TiledUpscaler } from './upscaler/upscalers.ts';

/** What needs no weights. */
interface UpscaleDraft {
  readonly picture: Raster;
  readonly wanted: UpscaleImageRequest;
  /** What each tile goes through; undefined where nothing is redrawn. */
  readonly plan: PlannedPass | undefined;
  readonly inversions: Inversions;
}

/** @throws DarkroomError for what the model cannot draw or a picture that cannot be used */
export async function draftUpscale(
  { request, inputs }: Job,
  wanted: UpscaleImageRequest,
  spec: ModelSpec,
  inventory: Inventory,
): Promise<UpscaleDraft> {
  const isRefined = (request.strength ?? 0) > 0;
  if (isRefined && isInpaintingModel(spec)) {
    throw new DarkroomError('unsupported', sentence('engine.cannot_refine', { model: spec.name }));
  }
  if (isRefined) checkRequest(request, spec);
  const picture = await decodeRgb(bytesOf(inputs, request.image ?? '', sentence('engine.input.source')));
  const inversions = isRefined ? await readInversions(request, spec, inventory) : NO_INVERSIONS;
  return { picture, wanted, plan: isRefined ? planPasses(request, spec)[0] : undefined, inversions };
}

interface InMemory {
  readonly lease: ModelLease;
  /** Undefined where nothing is redrawn. */
  readonly plan: MemoryPlan | undefined;
}

/** Opens what the draft needs, and no more: without refinement no text is encoded and nothing is drawn. */
export async function openUpscale(
  { request }: Job,
  { picture, wanted, plan, inversions }: UpscaleDraft,
  { lease, plan: memory }: InMemory,
  {
    upscaler,
    adapted,
    files,
    look,
  }: { readonly upscaler: TiledUpscaler | undefined; readonly adapted: Adapted } & Pick<
    Parts,
    'files' | 'look'
  >,
): Promise<PipelineRun> {
  const started = performance.now();
  const { components } = lease;
  const savers = memory?.savers ?? [];
  const shared = { request, lease, savers, picture, wanted, upscaler, memory, files, look };
  if (plan === undefined) {
    const seconds = { open: (performance.now() - started) / 1000, encode: 0 };
    return new UpscaleRun({ ...shared, refinement: undefined, seconds });
  }
  if (!savers.includes('turns'))
    await components.openAll({ isTiled: savers.includes('tiles'), spare: lease.spare });
  const opened = performance.now();
  const encoded = await encodeConditions(request, [plan], components, { inversions, adapted });
  const [pass] = encoded.passes;
  const refinement = { ...encoded, pass: pass!, places: layTiles(wanted, plan) };
  const seconds = { open: (opened - started) / 1000, encode: (performance.now() - opened) / 1000 };
  return new UpscaleRun({ ...shared, refinement, seconds });
}

interface Parts {
  readonly request: GenerationRequest;
  readonly lease: ModelLease;
  readonly savers: readonly Saver[];
  readonly picture: Raster;
  readonly wanted: UpscaleImageRequest;
  /** What enlarges; undefined for a Lanczos filter. */
  readonly upscaler: TiledUpscaler | undefined;
  readonly memory: MemoryPlan | undefined;
  readonly refinement: (Encoded & { readonly pass: Pass; readonly places: readonly TilePlace[] }) | undefined;
  readonly seconds: { readonly open: number; readonly encode: number };
  /** Files beside the model's own. */
  files(): Promise<readonly PartFile[]>;
  /** Checks the finished picture. */
  readonly look: Look | undefined;
}

class UpscaleRun implements PipelineRun {
  readonly steps: number;
  readonly memory?: JobMemory;
  readonly #parts: Parts;
  readonly #calls: AsyncGenerator<unknown>;
  readonly #finished: Tensor[] = [];
  #large: Raster | undefined;
  #closeUpscaler: (() => Promise<void>) | undefined;
  #callsMade = 0;
  #closed = false;
  #denoiseSeconds = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { refinement, upscaler, picture, memory } = parts;
    const refined = refinement === undefined ? 0 : refinement.places.length * refinement.pass.plan.calls;
    this.steps = (upscaler === undefined ? 0 : countTiles(picture, upscaler.tile)) + refined;
    if (memory !== undefined) this.memory = { bytes: memory.bytes, savers: memory.savers };
    this.#calls = this.#work();
  }

  async advance(
    count: number,
    onProgress: (progress: Progress) => void,
  ): Promise<{ done: boolean; seconds: number }> {
    const started = performance.now();
    for (let i = 0; i < count && this.#callsMade < this.steps; i++) {
      this.#requireOpen();
      await this.#calls.next();
      this.#callsMade++;
      // After the last call the generator only has to keep its latents.
      if (this.#callsMade === this.steps) await this.#calls.next();
      onProgress({ step: this.#callsMade, steps: this.steps });
    }
    const seconds = (performance.now() - started) / 1000;
    this.#denoiseSeconds += seconds;
    return { done: this.#callsMade === this.steps, seconds };
  }

  /** Of the tiles. */
  latents(): readonly Tensor[] {
    return this.#finished;
  }

  async decode(): ReturnType<Run['decode']> {
    this.#requireOpen();
    const started = performance.now();
    const { request, lease, savers, picture, wanted, upscaler, refinement, seconds } = this.#parts;
    const large = this.#large ?? resample(picture, wanted);
    if (savers.includes('turns')) await lease.components.release();
    const tiles: PlacedTile[] = [];
    for (const [i, latents] of this.#finished.entries()) {
      this.#requireOpen();
      const decoder = await lease.components.vaeDecoder(savers.includes('tiles'));
      const tile = await decodeLatents(decoder, latents, refinement!.pass.scales.decode);
      tiles.push({ picture: tile, ...refinement!.places[i]! });
    }
    const made = tiles.length === 0 ? large : blendTiles(tiles, large);
    // What was drawn adds detail; what the picture shows stays what it was. A network that somebody chose may also mend
    // the picture: what it changes is what it was chosen for.
    const isPlain = upscaler === undefined || upscaler.upscaler.isOwn || tiles.length > 0;
    const result = isPlain ? projectBack(made, picture) : made;
    const texts = await recipeTexts(request, lease.components, {
      embeddings: refinement?.embeddings,
      ...(refinement !== undefined && { files: await this.#parts.files() }),
    });
    const finished = await finishedPicture(result, texts, this.#parts.look);
    await lease.components.requireUntouched();
    const decode = (performance.now() - started) / 1000;
    return {
      pictures: [{ ...finished, seed: request.seed }],
      notes: refinement?.notes ?? [],
      seconds: { ...seconds, denoise: this.#denoiseSeconds, decode },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#closeUpscaler?.();
    await this.#parts.lease.release();
  }

  /** The network's tiles, then all denoiser calls; yields after each one. */
  async *#work(): AsyncGenerator<unknown> {
    const { picture, wanted, upscaler, lease } = this.#parts;
    let large: Raster;
    if (upscaler === undefined) large = resample(picture, wanted);
    else {
      const { runner, close } = await upscaler.upscaler.open(lease.components);
      this.#closeUpscaler = close;
      large = yield* enlargeTiles({ ...upscaler.upscaler, runner, tile: upscaler.tile }, picture, wanted);
      await close();
    }
    this.#large = large;
    yield* this.#refine(large);
  }

  /** All denoiser calls of all tiles, each with noise of its own; yields after each one. */
  async *#refine(large: Raster): AsyncGenerator<unknown> {
    const { request, lease, savers, refinement } = this.#parts;
    if (refinement === undefined) return;
    const { components } = lease;
    const { pass, places } = refinement;
    for (const [i, place] of places.entries()) {
      const tile = toPlanes(cutTile(large, place, pass), -1, 1);
      if (savers.includes('turns')) await components.release();
      const encoder = await components.vaeEncoder(savers.includes('tiles'));
      const start = await encodePicture(encoder, { data: tile, dims: [1, 3, pass.height, pass.width] });
      if (savers.includes('turns')) await components.release();
      const random = createRandom(request.rng, seedOfPicture(request, i));
      const latents = yield* denoise(
        pass,
        { components, nets: [], isHalved: savers.includes('guidance') },
        { random, start },
        (values) =>
          requireFinite(values, request, components.spec, { call: this.#callsMade + 1, calls: this.steps }),
      );
      this.#finished.push(latents);
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new DarkroomError('cancelled', sentence('engine.cancelled'));
  }
}
