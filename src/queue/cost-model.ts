/** How long jobs take, learned from those that ran: for places in line and times left, never for fairness. */
import type { GenerationRequest } from '../request.ts';

/** Weight of the newest measurement in the running mean. */
const NEWEST = 0.3;
/** Before anything was measured: seconds of a denoiser call for each pixel, from the embedded model on 2 cores. */
const GUESSED_STEP_PER_PIXEL = 0.1 / (256 * 256);
/** Seconds for opening and developing together, likewise. */
const GUESSED_FIXED = 0.5;

interface Cost {
  /** Seconds of one denoiser call. */
  step?: number;
  open?: number;
  develop?: number;
}

export class CostModel {
  readonly #costs = new Map<string, Cost>();

  /** @param part what was measured @param seconds of one denoiser call, or of all of open or develop */
  learn(request: GenerationRequest, part: keyof Cost, seconds: number): void {
    const cost = this.#costs.get(keyOf(request)) ?? {};
    const before = cost[part];
    cost[part] = before === undefined ? seconds : before + NEWEST * (seconds - before);
    this.#costs.set(keyOf(request), cost);
  }

  stepSeconds(request: GenerationRequest): number {
    const pixels = request.width * request.height;
    return this.#costs.get(keyOf(request))?.step ?? GUESSED_STEP_PER_PIXEL * pixels;
  }

  openSeconds(request: GenerationRequest): number {
    return this.#costs.get(keyOf(request))?.open ?? GUESSED_FIXED / 2;
  }

  developSeconds(request: GenerationRequest): number {
    return this.#costs.get(keyOf(request))?.develop ?? GUESSED_FIXED / 2;
  }

  /** Seconds of GPU time for the whole of a job that has not begun. */
  jobSeconds(request: GenerationRequest): number {
    return (
      this.openSeconds(request) +
      plannedSteps(request) * this.stepSeconds(request) +
      this.developSeconds(request)
    );
  }
}

/** Denoiser calls a request asks for; the engine's own count replaces it once the job is open. */
export function plannedSteps(request: GenerationRequest): number {
  const { image, strength, numInferenceSteps, numImages, hires, width, height } = request;
  const part = image === undefined ? 1 : (strength ?? 1);
  const first = Math.max(1, Math.floor(numInferenceSteps * part));
  if (hires === undefined) return first * numImages;
  // A call of the second pass takes as much longer as it has more pixels.
  const larger = (hires.width * hires.height) / (width * height);
  return (first + Math.floor(hires.numInferenceSteps * hires.strength) * larger) * numImages;
}

/** What a call's time depends on: each ControlNet adds to it, and guidance doubles it. */
function keyOf({ model, width, height, controls, guidanceScale }: GenerationRequest): string {
  return `${width}x${height} ${model} +${controls.length} ${guidanceScale > 1 ? 2 : 1}`;
}
