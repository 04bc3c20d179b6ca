/** One request in the engine: its pictures one after another, a denoiser call at a time. */
import { performance } from 'node:perf_hooks';
import { guide } from '../diffusion/guidance.ts';
import { latentsToRgb } from '../diffusion/preview.ts';
import { createRandom } from '../diffusion/random.ts';
import type { ModelCall, Sampling } from '../diffusion/sampling.ts';
import { DarkroomError } from '../errors.ts';
import { encodePng } from '../image/pixels.ts';
import { writePngText } from '../image/png-text.ts';
import { encodePreview } from '../image/preview.ts';
import type { Raster } from '../image/resample.ts';
import type { Developed, Progress, Run } from '../job.ts';
import { type GenerationRequest, LIMITS } from '../request.ts';
import type { Loan } from './components.ts';
import type { ControlNet } from './controlnets.ts';
import { denoiserCall } from './denoiser.ts';
import { begin, type Pass, type Start } from './pass.ts';
import { recipeTexts } from './recipe.ts';
import type { Tensor } from './session.ts';
import { decodeLatents, type LatentScale } from './vae.ts';

const PREVIEW_EVERY_MS = 500;
const SEEDS = LIMITS.seed.max + 1;

/** A run whose latents can be looked at, for parity tests. */
export interface PipelineRun extends Run {
  /** The latents of the finished pictures before the VAE, in the sampler's scale, each [1, C, h, w]. */
  latents(): readonly Tensor[];
}

/** What `open` has made ready; the run owns the loan from here on. */
export interface Prepared {
  readonly loan: Loan;
  /** At least one; each starts from the latents that the one before it left. */
  readonly passes: readonly Pass[];
  /** In the order of the request's controls. */
  readonly nets: readonly ControlNet[];
  /** What the first pass starts from. */
  readonly start: Start;
  /** The latents of one pass as the next pass starts from them. */
  grow(latents: Tensor, pass: Pass): Promise<Start>;
  /** How the decoder's latents relate to the sampler's. */
  readonly decodeScale: LatentScale;
  /** The last touch on a decoded picture, such as its kept part laid over it. */
  finish(picture: Raster): Raster;
  /** Sentences for the user. */
  readonly notes: readonly string[];
  readonly seconds: { readonly open: number; readonly encode: number };
}

/** A pass under way. */
interface Current {
  readonly pass: Pass;
  readonly sampling: Sampling;
  readonly extra: Float32Array | undefined;
  call: ModelCall;
  /** Of `call` within its pass, from 0. */
  index: number;
}

export class PictureRun implements PipelineRun {
  readonly steps: number;
  readonly #request: GenerationRequest;
  readonly #prepared: Prepared;
  readonly #finished: Tensor[] = [];
  /** The pass that comes next for the picture under way, and what it starts from. */
  #passIndex = 0;
  #before: Tensor | undefined;
  #current: Current | undefined;
  #callsMade = 0;
  #closed = false;
  #denoiseSeconds = 0;
  #lastPreview = Number.NEGATIVE_INFINITY;

  constructor(request: GenerationRequest, prepared: Prepared) {
    this.#request = request;
    this.#prepared = prepared;
    const calls = prepared.passes.reduce((sum, { plan }) => sum + plan.calls, 0);
    this.steps = calls * request.numImages;
  }

  async advance(
    count: number,
    onProgress: (progress: Progress) => void,
  ): Promise<{ done: boolean; seconds: number }> {
    let seconds = 0;
    for (let i = 0; i < count && this.#callsMade < this.steps; i++) {
      this.#requireOpen();
      const started = performance.now();
      this.#current ??= await this.#begin();
      const prediction = await this.#predict(this.#current);
      const latents = this.#take(this.#current, prediction);
      seconds += (performance.now() - started) / 1000;
      const preview = await this.#preview(latents);
      onProgress({ step: this.#callsMade, steps: this.steps, ...(preview === undefined ? {} : { preview }) });
    }
    this.#denoiseSeconds += seconds;
    return { done: this.#callsMade === this.steps, seconds };
  }

  latents(): readonly Tensor[] {
    return this.#finished;
  }

  async develop(): ReturnType<Run['develop']> {
    this.#requireOpen();
    if (this.#callsMade < this.steps)
      throw new Error(`developed after ${this.#callsMade} of ${this.steps} calls`);
    const { loan, decodeScale, finish, notes, seconds } = this.#prepared;
    const started = performance.now();
    const decoder = await loan.components.session('vaeDecoder');
    const pictures: Developed[] = [];
    for (const [i, latents] of this.#finished.entries()) {
      this.#requireOpen();
      const { data, width, height } = finish(await decodeLatents(decoder, latents, decodeScale));
      const seed = this.#seed(i);
      const texts = await recipeTexts(this.#request, seed, loan.components.spec);
      const png = writePngText(await encodePng(data, width, height), texts);
      pictures.push({ png, width, height, seed });
    }
    const decode = (performance.now() - started) / 1000;
    return { pictures, notes, seconds: { ...seconds, denoise: this.#denoiseSeconds, decode } };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#prepared.loan.release();
  }

  /** Starts the next pass. Its draws come from its picture's seed alone: whatever came before is not heard. */
  async #begin(): Promise<Current> {
    const { passes, start, grow, loan } = this.#prepared;
    const pass = passes[this.#passIndex]!;
    const from = this.#before === undefined ? start : await grow(this.#before, pass);
    const random = createRandom(this.#request.rng, this.#seed(this.#finished.length));
    const { sampling, extra } = begin(pass, random, from, loan.components.spec);
    return { pass, sampling, extra, call: sampling.next().value as ModelCall, index: 0 };
  }

  /** One denoiser call; with guidance, both halves in one batch. */
  async #predict({ pass, call, index, extra }: Current): Promise<Float32Array> {
    const { conditions, plan } = pass;
    const { loan, nets } = this.#prepared;
    const denoising = denoiserCall(conditions, call, { index, calls: plan.calls, extra });
    const out = await loan.components.denoise(denoising, nets);
    const size = call.sample.length;
    if (out.length === size) return out;
    const { guidanceScale, guidanceRescale } = conditions;
    return guide(out.subarray(0, size), out.subarray(size), guidanceScale, guidanceRescale);
  }

  /**
   * Hands a prediction to the sampler, which asks for the next one or ends the pass.
   * @returns the picture as the call foresaw it, for previews
   */
  #take(current: Current, prediction: Float32Array): Tensor | undefined {
    this.#callsMade++;
    this.#requireFinite(prediction);
    const { dims } = current.pass;
    const next = current.sampling.next(prediction);
    if (!next.done) {
      current.call = next.value;
      current.index++;
      return next.value.denoised && { data: next.value.denoised, dims };
    }
    this.#requireFinite(next.value);
    const latents = { data: next.value, dims };
    this.#current = undefined;
    this.#passIndex = (this.#passIndex + 1) % this.#prepared.passes.length;
    this.#before = this.#passIndex === 0 ? undefined : latents;
    if (this.#passIndex === 0) this.#finished.push(latents);
    return latents;
  }

  #requireFinite(values: Float32Array): void {
    // A sum is finite only if all its parts are; latents are far too small to overflow it.
    if (Number.isFinite(values.reduce((sum, value) => sum + value, 0))) return;
    const { guidanceScale, sampler } = this.#request;
    const { spec } = this.#prepared.loan.components;
    const cause =
      guidanceScale > LIMITS.guidance.artefactsAbove
        ? `Guidance ${guidanceScale} is the likely cause; try ${spec.defaults.guidanceScale}.`
        : `The likely cause is damaged weights of ${spec.name}, or ${sampler} with this scheduler_config.`;
    throw new DarkroomError(
      'engine_failed',
      `The numbers left every range (NaN or infinity) at step ${this.#callsMade} of ${this.steps}. ${cause}`,
    );
  }

  #seed(picture: number): number {
    return (this.#request.seed + picture) % SEEDS;
  }

  /** Where the model says how latents look and enough time has passed. */
  async #preview(latents: Tensor | undefined): Promise<Uint8Array | undefined> {
    const { latentRgb } = this.#prepared.loan.components.spec;
    const now = performance.now();
    if (latentRgb === undefined || latents === undefined || now - this.#lastPreview < PREVIEW_EVERY_MS)
      return;
    this.#lastPreview = now;
    const [, , height, width] = latents.dims as [number, number, number, number];
    return await encodePreview(latentsToRgb(latents.data, latentRgb), width, height);
  }

  #requireOpen(): void {
    if (this.#closed) throw new DarkroomError('cancelled', 'The job was cancelled.');
  }
}
