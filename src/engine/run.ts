/** One request in the engine: its pictures one after another, a denoiser call at a time. */
import { performance } from 'node:perf_hooks';
import packageJson from '../../package.json' with { type: 'json' };
import { guide } from '../diffusion/guidance.ts';
import { latentsToRgb } from '../diffusion/preview.ts';
import { TorchRandom } from '../diffusion/random.ts';
import type { ModelCall, Sampling, SamplingPlan } from '../diffusion/sampling.ts';
import { DarkroomError } from '../errors.ts';
import { formatParameters } from '../image/parameters.ts';
import { encodePng } from '../image/pixels.ts';
import { writePngText } from '../image/png-text.ts';
import { encodePreview } from '../image/preview.ts';
import type { Developed, Progress, Run } from '../job.ts';
import { type GenerationRequest, LIMITS, requestToJson } from '../request.ts';
import type { Loan } from './components.ts';
import type { PromptEmbeddings } from './prompt.ts';
import type { Tensor } from './session.ts';
import { decodeLatents, type Posterior, samplePosterior } from './vae.ts';

const PREVIEW_EVERY_MS = 500;
const ENGINE_VERSION: string = packageJson.version;
const SEEDS = LIMITS.seed.max + 1;

/** A run whose latents can be looked at, for parity tests. */
export interface PipelineRun extends Run {
  /** The latents of the finished pictures before the VAE, in the sampler's scale, each [1, C, h, w]. */
  latents(): readonly Tensor[];
}

/** Guidance of 1 or less leaves the negative prompt out, as in diffusers. */
export function isGuided({ guidanceScale }: GenerationRequest): boolean {
  return guidanceScale > 1;
}

/** What `open` has made ready; the run owns the loan from here on. */
export interface Prepared {
  readonly loan: Loan;
  readonly plan: SamplingPlan;
  readonly prompt: PromptEmbeddings;
  /** What the encoder saw in the picture to start from. */
  readonly posterior: Posterior | undefined;
  readonly seconds: { readonly open: number; readonly encode: number };
}

export class PictureRun implements PipelineRun {
  readonly steps: number;
  readonly #request: GenerationRequest;
  readonly #prepared: Prepared;
  /** [1, C, h, w] */
  readonly #dims: readonly number[];
  readonly #finished: Tensor[] = [];
  #sampling: Sampling | undefined;
  #call: ModelCall | undefined;
  #callsMade = 0;
  #closed = false;
  #denoiseSeconds = 0;
  #lastPreview = Number.NEGATIVE_INFINITY;

  constructor(request: GenerationRequest, prepared: Prepared) {
    this.#request = request;
    this.#prepared = prepared;
    const { spec } = prepared.loan.components;
    const { vaeScaleFactor } = spec;
    this.#dims = [1, spec.latentChannels, request.height / vaeScaleFactor, request.width / vaeScaleFactor];
    this.steps = prepared.plan.calls * request.numImages;
  }

  async advance(
    count: number,
    onProgress: (progress: Progress) => void,
  ): Promise<{ done: boolean; seconds: number }> {
    let seconds = 0;
    for (let i = 0; i < count && this.#callsMade < this.steps; i++) {
      this.#requireOpen();
      const started = performance.now();
      this.#call ??= this.#begin();
      const prediction = await this.#predict(this.#call);
      this.#take(prediction);
      seconds += (performance.now() - started) / 1000;
      const preview = await this.#preview();
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
    const { loan, prompt, seconds } = this.#prepared;
    const { spec } = loan.components;
    const started = performance.now();
    const decoder = await loan.components.session('vaeDecoder');
    const pictures: Developed[] = [];
    for (const [i, latents] of this.#finished.entries()) {
      this.#requireOpen();
      const { data, width, height } = await decodeLatents(decoder, latents, spec.scalingFactor);
      const seed = this.#seed(i);
      const png = writePngText(await encodePng(data, width, height), await this.#texts(seed));
      pictures.push({ png, width, height, seed });
    }
    const decode = (performance.now() - started) / 1000;
    return { pictures, notes: prompt.notes, seconds: { ...seconds, denoise: this.#denoiseSeconds, decode } };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#prepared.loan.release();
  }

  /** One denoiser call; with guidance, both halves in one batch. */
  async #predict({ sample, timestep }: ModelCall): Promise<Float32Array> {
    const { loan, prompt } = this.#prepared;
    const { guidanceScale, guidanceRescale } = this.#request;
    const unet = await loan.components.session('unet');
    const batch = prompt.context.dims[0]!;
    const data = new Float32Array(batch * sample.length);
    for (let i = 0; i < batch; i++) data.set(sample, i * sample.length);
    const { out_sample: out } = await unet.run(
      {
        sample: { data, dims: [batch, ...this.#dims.slice(1)] },
        timestep: { data: Float32Array.of(timestep), dims: [1] },
        encoder_hidden_states: prompt.context,
      },
      ['out_sample'],
    );
    if (batch === 1) return out.data;
    const [unconditional, conditional] = [
      out.data.subarray(0, sample.length),
      out.data.subarray(sample.length),
    ];
    return guide(unconditional, conditional, guidanceScale, guidanceRescale);
  }

  /** Hands a prediction to the sampler, which asks for the next one or ends the picture. */
  #take(prediction: Float32Array): void {
    this.#callsMade++;
    this.#requireFinite(prediction);
    const next = this.#sampling!.next(prediction);
    this.#call = next.done ? undefined : next.value;
    if (next.done) {
      this.#requireFinite(next.value);
      this.#finished.push({ data: next.value, dims: this.#dims });
    }
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

  /** Starts the next picture. Its draws come from its own seed: the VAE's posterior first, then the noise. */
  #begin(): ModelCall {
    const size = this.#dims.reduce((product, side) => product * side);
    const random = new TorchRandom(this.#seed(this.#finished.length));
    const { posterior, loan, plan } = this.#prepared;
    const start =
      posterior === undefined
        ? undefined
        : samplePosterior(posterior, random.randn(size), loan.components.spec.scalingFactor).data;
    this.#sampling = plan.begin(size, random, start);
    return this.#sampling.next().value as ModelCall;
  }

  #seed(picture: number): number {
    return (this.#request.seed + picture) % SEEDS;
  }

  /** What the PNG says of itself: a request that makes this one picture again. */
  async #texts(seed: number): Promise<Record<string, string>> {
    const { spec } = this.#prepared.loan.components;
    const request = { ...this.#request, seed, numImages: 1 };
    const modelHash = await spec.modelHash();
    const recipe = { request: requestToJson(request), model_hash: modelHash, engine_version: ENGINE_VERSION };
    return {
      parameters: formatParameters(request, { seed, modelHash, modelName: spec.name }),
      darkroom: JSON.stringify(recipe),
    };
  }

  /** The picture as the last call foresaw it, where the model says how latents look and enough time has passed. */
  async #preview(): Promise<Uint8Array | undefined> {
    const { latentRgb } = this.#prepared.loan.components.spec;
    const latents = this.#call?.denoised ?? this.#finished.at(-1)?.data;
    const now = performance.now();
    if (latentRgb === undefined || latents === undefined || now - this.#lastPreview < PREVIEW_EVERY_MS)
      return;
    this.#lastPreview = now;
    const [, , height, width] = this.#dims as [number, number, number, number];
    return await encodePreview(latentsToRgb(latents, latentRgb), width, height);
  }

  #requireOpen(): void {
    if (this.#closed) throw new DarkroomError('cancelled', 'The job was cancelled.');
  }
}
