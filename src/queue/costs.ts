/** What jobs cost, in GPU-seconds, learned from those that ran and shared over processes by the database. */
import { builtInUpscaler, type GenerationRequest, layEnlargedTiles, layTiles } from '../request.ts';
import type { Database } from '../store/sql.ts';

/** Weight of the newest measurement in the running mean. */
export const NEWEST = 0.3;
/** Before anything was measured: seconds of a denoiser call for each pixel, from the embedded model on 2 cores. */
const GUESSED_STEP_PER_PIXEL = 0.1 / (256 * 256);
/** Seconds for opening and decoding together, likewise. */
const GUESSED_FIXED = 0.5;
/** Milliseconds after which what other processes have learned is read again. */
const FRESH = 10_000;

/** `store`: storing the pictures and recording the end. The GPU is free for others then, so a job's cost leaves it out. */
export type Part = 'step' | 'open' | 'decode' | 'store';

export class Costs {
  readonly #database: Database;
  readonly #onError: (error: unknown) => void;
  #means = new Map<string, number>();
  /** Measured here since the last save. */
  readonly #fresh = new Map<string, { readonly request: GenerationRequest; readonly part: Part }>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(database: Database, onError: (error: unknown) => void) {
    this.#database = database;
    this.#onError = onError;
  }

  /** @param seconds of one denoiser call, or of all of another part */
  learn(request: GenerationRequest, part: Part, seconds: number): void {
    const key = keyOf(request, part);
    const before = this.#means.get(key);
    this.#means.set(key, before === undefined ? seconds : before + NEWEST * (seconds - before));
    this.#fresh.set(key, { request, part });
  }

  /** Undefined before it was measured. */
  measuredSeconds(request: GenerationRequest, part: Part): number | undefined {
    return this.#means.get(keyOf(request, part));
  }

  secondsOf(request: GenerationRequest, part: Part): number {
    const known = this.measuredSeconds(request, part);
    if (known !== undefined) return known;
    if (part === 'store') return 0;
    return part === 'step' ? GUESSED_STEP_PER_PIXEL * request.width * request.height : GUESSED_FIXED / 2;
  }

  /** GPU-seconds for the whole of a job that has not begun. */
  jobSeconds(request: GenerationRequest): number {
    return (
      this.secondsOf(request, 'open') +
      plannedSteps(request) * this.secondsOf(request, 'step') +
      this.secondsOf(request, 'decode')
    );
  }

  /** Shares what was learned here. */
  async save(): Promise<void> {
    const learned = [...this.#fresh.values()];
    this.#fresh.clear();
    for (const { request, part } of learned) {
      const { width, height } = request;
      await this.#database
        .query(
          `insert into darkroom.cost (model, width, height, part, seconds) values ($1, $2, $3, $4, $5)
           on conflict (model, width, height, part) do update set seconds = excluded.seconds`,
          [workOf(request), width, height, part, this.secondsOf(request, part)],
        )
        .catch(this.#onError);
    }
  }

  /** Reads what all processes have learned, unless that was done within the last 10 s. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#readAt < FRESH) return;
    this.#readAt = performance.now();
    const rows = await this.#database.query<{
      model: string;
      width: number;
      height: number;
      part: Part;
      seconds: number;
    }>('select model, width, height, part, seconds from darkroom.cost');
    for (const { part, seconds, ...shape } of rows) {
      const key = keyOf(shape, part);
      if (!this.#fresh.has(key)) this.#means.set(key, seconds);
    }
  }
}

/** Denoiser calls a request asks for; the engine's own count replaces it once the job is open. */
export function plannedSteps(request: GenerationRequest): number {
  const { image, strength, numInferenceSteps, numImages, upscaleImage } = request;
  if (upscaleImage !== undefined) {
    const tiles = layTiles(upscaleImage, request).length;
    return enlargingSteps(upscaleImage) + tiles * Math.floor(numInferenceSteps * (strength ?? 0));
  }
  const part = image === undefined ? 1 : (strength ?? 1);
  return Math.max(1, Math.floor(numInferenceSteps * part)) * numImages;
}

/** Side of the tiles in which a network enlarges, and how many times longer the sides become, usually. */
const USUAL = { tile: 512, scale: 2 };

function enlargingSteps({ upscaler, width, height }: NonNullable<GenerationRequest['upscaleImage']>): number {
  const builtIn = builtInUpscaler(upscaler);
  if (builtIn !== undefined && builtIn !== 'model') return 0;
  const before = { width: width / USUAL.scale, height: height / USUAL.scale };
  return layEnlargedTiles(before, USUAL.tile).length;
}

type Shape = Pick<GenerationRequest, 'model' | 'width' | 'height' | 'upscaleImage'>;

const keyOf = (shape: Shape, part: Part) => `${part} ${shape.width}x${shape.height} ${workOf(shape)}`;

/** Making a picture larger costs otherwise than drawing one of the size of its tiles. */
function workOf({ model, upscaleImage }: Shape): string {
  return upscaleImage === undefined ? model : `${model} ${upscaleImage.width}x${upscaleImage.height}`;
}
