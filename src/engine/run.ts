/** One request in the engine: its pictures one after another, a denoiser call at a time. */
import { performance } from 'node:perf_hooks';
import { latentsToRgb } from '../diffusion/preview.ts';
import { createRandom } from '../diffusion/random.ts';
import { DarkroomError } from '../errors.ts';
import { encodePreview } from '../image/preview.ts';
import { fit, type Raster } from '../image/resample.ts';
import type { Advance, FinishedPicture, JobMemory, Progress, Run } from '../job.ts';
import type { LatentScale } from '../models/latent-scale.ts';
import type { LatentRgb } from '../models/spec.ts';
import {
  type Embedding,
  type GenerationRequest,
  ofPicture,
  type PartFile,
  seedOfPicture,
} from '../request.ts';
import { sentence, type Words } from '../sentences.ts';
import type { Tensor } from '../tensor.ts';
import type { ControlNet } from './control/controls.ts';
import { denoise } from './denoise.ts';
import { finishedPicture, type Look } from './finished.ts';
import { requireFinite } from './finite.ts';
import type { MemoryPlan } from './memory/memory.ts';
import type { ModelLease } from './model/model-cache.ts';
import type { Pass, Start } from './pass.ts';
import { decodeLatents } from './picture/pictures.ts';
import { recipeTexts } from './recipe.ts';
import { enlarge, type TiledUpscaler } from './upscaler/upscalers.ts';

const PREVIEW_EVERY_MS = 500;
/** Longer side of a preview that shows a picture around the part that is drawn. */
const MASKED_PREVIEW = 192;
/** Of a picture in the preview of several, from the first one that is finished on. */
const FINISHED_PREVIEW = 128;

/** A run whose latents can be looked at, for parity tests. */
export interface PipelineRun extends Run {
  /** The latents of the finished pictures before the VAE, in the sampler's scale, each [1, C, h, w]. */
  latents(): readonly Tensor[];
}

/** What `open` has prepared; the run owns the lease from here on. */
export interface Prepared {
  readonly lease: ModelLease;
  readonly plan: MemoryPlan;
  /**
   * Of each picture, or once for all where they have the same words. At least one pass; each starts from the latents of
   * the one before.
   */
  readonly passes: readonly (readonly Pass[])[];
  /** Of each picture, or once for all: the embeddings that its prompts call. */
  readonly embeddings: readonly (readonly Embedding[])[];
  /** In the order of the request's controls. */
  readonly nets: readonly ControlNet[];
  /** Files beside the model's own. */
  files(): Promise<readonly PartFile[]>;
  /** What the first pass starts from. */
  readonly start: Start;
  /** The latents of one pass as the next pass starts from them. */
  grow(latents: Tensor, pass: Pass): Promise<Start>;
  /** The model's own upscaler, where it makes the finished pictures larger. */
  readonly own?: TiledUpscaler | undefined;
  /** How the decoder's latents relate to the sampler's. */
  readonly decodeScale: LatentScale;
  /** The last change to a picture, decoded and enlarged, such as laying its kept part over it. */
  finish(picture: Raster): Promise<Raster>;
  /** Checks finished pictures; of a job that has it nothing is shown before. */
  readonly look?: Look | undefined;
  /** Sentences for the user. */
  readonly notes: readonly Words[];
  readonly seconds: { readonly open: number; readonly encode: number };
}

export class PictureRun implements PipelineRun {
  readonly steps: number;
  readonly memory: JobMemory;
  readonly #request: GenerationRequest;
  readonly #prepared: Prepared;
  readonly #calls: AsyncGenerator<Tensor | undefined>;
  readonly #finished: Tensor[] = [];
  /** What those look like in a preview. */
  readonly #looks: Raster[] = [];
  readonly #callsOfPicture: number;
  #callsMade = 0;
  /** How many of the pictures are decoded. */
  #decoded = 0;
  #closed = false;
  #denoiseSeconds = 0;
  #decodeSeconds = 0;
  /** Asked for once: files whose hash nobody knows are read for it. */
  #files: Promise<readonly PartFile[]> | undefined;
  #lastPreview = Number.NEGATIVE_INFINITY;

  constructor(request: GenerationRequest, prepared: Prepared) {
    this.#request = request;
    this.#prepared = prepared;
    this.#calls = this.#draw();
    this.memory = { bytes: prepared.plan.bytes, savers: prepared.plan.savers };
    const calls = prepared.passes[0]!.reduce((sum, { plan }) => sum + plan.calls, 0);
    this.#callsOfPicture = calls;
    this.steps = calls * request.numImages;
  }

  async advance(count: number, onProgress: (progress: Progress) => void): Promise<Advance> {
    let seconds = 0;
    for (let i = 0; i < count && this.#callsMade < this.steps; i++) {
      this.#requireOpen();
      const started = performance.now();
      const call = await this.#blamingFiles(this.#calls.next());
      if (call.done) throw new Error('advanced after a call that failed');
      this.#callsMade++;
      // After the last call of a picture the generator only has to keep its latents.
      if (this.#callsMade % this.#callsOfPicture === 0) await this.#calls.next();
      seconds += (performance.now() - started) / 1000;
      const preview = await this.#preview(call.value);
      onProgress({ step: this.#callsMade, steps: this.steps, ...(preview === undefined ? {} : { preview }) });
    }
    this.#denoiseSeconds += seconds;
    return { done: this.#callsMade === this.steps, seconds, drawn: this.#drawn };
  }

  latents(): readonly Tensor[] {
    return this.#finished;
  }

  /** Pictures whose latents can be decoded: while the networks take turns in memory, none before the last one is drawn. */
  get #drawn(): number {
    const isInTurns = this.#prepared.plan.savers.includes('turns');
    return isInTurns && this.#callsMade < this.steps ? 0 : this.#finished.length;
  }

  finish(): Promise<FinishedPicture> {
    return this.#blamingFiles(this.#finishNext());
  }

  decode(): ReturnType<Run['decode']> {
    return this.#blamingFiles(this.#decode());
  }

  /** Weights that were written to under the run end in numbers that are none, or worse: then they are what failed. */
  async #blamingFiles<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      await this.#prepared.lease.components.requireUntouched(this.#prepared.nets);
      throw error;
    }
  }

  async #decode(): ReturnType<Run['decode']> {
    this.#requireOpen();
    if (this.#callsMade < this.steps)
      throw new Error(`decoded after ${this.#callsMade} of ${this.steps} calls`);
    const pictures: FinishedPicture[] = [];
    while (this.#decoded < this.#finished.length) pictures.push(await this.#finishNext());
    const { notes, seconds } = this.#prepared;
    const timed = { ...seconds, denoise: this.#denoiseSeconds, decode: this.#decodeSeconds };
    return { pictures, notes, seconds: timed };
  }

  async #finishNext(): Promise<FinishedPicture> {
    this.#requireOpen();
    const { lease, plan, embeddings, decodeScale, finish, nets } = this.#prepared;
    const i = this.#decoded;
    if (i >= this.#drawn) throw new Error(`picture ${i + 1} is not drawn yet`);
    const started = performance.now();
    if (plan.savers.includes('turns') && i === 0) await lease.components.release();
    const decoder = await lease.components.vaeDecoder(plan.savers.includes('tiles'));
    const decoded = await decodeLatents(decoder, this.#finished[i]!, decodeScale);
    const picture = await finish(await this.#enlarged(decoded));
    const single = ofPicture(this.#request, i);
    const called = embeddings[i % embeddings.length];
    this.#files ??= this.#prepared.files();
    const files = await this.#files;
    const texts = await recipeTexts(single, lease.components, { embeddings: called, files });
    const finished = await finishedPicture(picture, texts, this.#prepared.look);
    // What files that were written to under the run have drawn is handed to nobody.
    await lease.components.requireUntouched(nets);
    this.#decoded++;
    if (this.#decoded < this.#request.numImages) this.#looks[i] = within(FINISHED_PREVIEW, picture);
    this.#decodeSeconds += (performance.now() - started) / 1000;
    return { ...finished, seed: single.seed };
  }

  async #enlarged(picture: Raster): Promise<Raster> {
    const { own, lease } = this.#prepared;
    if (own === undefined) return picture;
    const { runner } = await own.upscaler.open(lease.components);
    const { scale } = own.upscaler;
    const size = { width: scale * picture.width, height: scale * picture.height };
    return enlarge({ ...own.upscaler, runner, tile: own.tile }, picture, size);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#prepared.lease.release();
  }

  /** All denoiser calls of all pictures; yields after each one, and once more where the latents of a picture are kept. */
  async *#draw(): AsyncGenerator<Tensor | undefined> {
    const { passes, start, grow, lease, nets, plan } = this.#prepared;
    const model = { components: lease.components, nets, isHalved: plan.savers.includes('guidance') };
    for (let picture = 0; picture < this.#request.numImages; picture++) {
      let latents: Tensor | undefined;
      for (const pass of passes[picture % passes.length]!) {
        const from = latents === undefined ? start : await grow(latents, pass);
        // A pass draws from its picture's seed and from nothing that came before.
        const random = createRandom(this.#request.rng, seedOfPicture(this.#request, picture));
        latents = yield* denoise(pass, model, { random, start: from }, (values) =>
          this.#requireFinite(values),
        );
      }
      this.#finished.push(latents!);
      yield undefined;
    }
  }

  #requireFinite(values: Float32Array): void {
    const place = { call: this.#callsMade + 1, calls: this.steps };
    requireFinite(values, this.#request, this.#prepared.lease.components.spec, place);
  }

  /** Only where the model folder says how latents look, and at most one in PREVIEW_EVERY_MS. */
  async #preview(latents: Tensor | undefined): Promise<Uint8Array | undefined> {
    const { lease, look: check } = this.#prepared;
    const { latentRgb } = lease.components.spec;
    const now = performance.now();
    const isShown = check === undefined && latentRgb !== undefined && latents !== undefined;
    if (!isShown || now - this.#lastPreview < PREVIEW_EVERY_MS) return;
    this.#lastPreview = now;
    const { numImages, maskImage, outpaint } = this.#request;
    const look = await this.#lookOf(latents, latentRgb);
    if (numImages === 1) return await encodePreview(look.data, look.width, look.height);
    // Pictures are drawn one after another: each stays in its place once it is drawn.
    for (const [i, finished] of this.#finished.entries())
      this.#looks[i] ??= await this.#lookOf(finished, latentRgb);
    const isMasked = maskImage !== undefined || outpaint !== undefined;
    const isAnyFinished = this.#decoded > 0 && !isMasked;
    const sheet = sheetOf([...this.#looks, isAnyFinished ? within(FINISHED_PREVIEW, look) : look], numImages);
    const whole = isMasked ? within(MASKED_PREVIEW, sheet) : sheet;
    return await encodePreview(whole.data, whole.width, whole.height);
  }

  async #lookOf(latents: Tensor, latentRgb: LatentRgb): Promise<Raster> {
    const [, , height, width] = latents.dims as [number, number, number, number];
    const rgb: Raster = { data: latentsToRgb(latents.data, latentRgb), width, height, channels: 3 };
    const { maskImage, outpaint } = this.#request;
    if (maskImage === undefined && outpaint === undefined) return rgb;
    // What is kept is shown as it is: the estimate of that part is not what it will look like.
    return within(MASKED_PREVIEW, await this.#prepared.finish(within(MASKED_PREVIEW, rgb)));
  }

  #requireOpen(): void {
    if (this.#closed) throw new DarkroomError('cancelled', sentence('engine.cancelled'));
  }
}

/** Level of the places of pictures that are not begun. */
const NOT_BEGUN = 128;

/**
 * Pictures row by row in as many columns as rows, so that the sheet has their proportion.
 * @param looks of the first of them; all in the size of the last one
 */
function sheetOf(looks: readonly Raster[], count: number): Raster {
  const { width, height } = looks.at(-1)!;
  const columns = Math.ceil(Math.sqrt(count));
  const data = new Uint8Array(3 * columns * width * columns * height).fill(NOT_BEGUN);
  for (const [i, look] of looks.slice(0, count).entries()) {
    const small = fit(look, { width, height }, 'stretch');
    const [left, top] = [(i % columns) * width, Math.floor(i / columns) * height];
    for (let y = 0; y < height; y++) {
      const row = small.data.subarray(3 * y * width, 3 * (y + 1) * width);
      data.set(row, 3 * ((top + y) * columns * width + left));
    }
  }
  return { data, width: columns * width, height: columns * height, channels: 3 };
}

/** A picture whose longer side has that many pixels. */
function within(side: number, picture: Raster): Raster {
  const scale = side / Math.max(picture.width, picture.height);
  const size = { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) };
  return fit(picture, { width: Math.max(1, size.width), height: Math.max(1, size.height) }, 'stretch');
}
