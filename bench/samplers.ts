/** What the samplers themselves cost between two calls of the denoiser, which here answers at once. */
import { createRandom } from '../src/diffusion/random.ts';
import { planSampling } from '../src/diffusion/sampling.ts';
import {
  diffusersClassOf,
  freezeRequest,
  SAMPLER_NAMES,
  type SamplerName,
  samplerNamed,
} from '../src/request.ts';
import { type Figure, median } from './figure.ts';

const STEPS = 10;
const ROUNDS = 3;
/** Latents of SD 1.5 at 512x512 and of SDXL at 1024x1024. */
const SHAPES: readonly (readonly number[])[] = [
  [1, 4, 64, 64],
  [1, 4, 128, 128],
];
/** One hundredth of a denoiser call of SD 1.5 at 512x512 with guidance, which takes two cores over 5 s in float32. */
const TARGET_MS = 50;

export async function samplers(): Promise<Figure[]> {
  return SHAPES.flatMap((shape, place) =>
    SAMPLER_NAMES.map((sampler): Figure => {
      const size = shape.reduce((a, b) => a * b);
      const rounds = Array.from({ length: ROUNDS + 1 }, () => millisecondsPerCall(sampler, size));
      const figure = {
        name: `${sampler}, a call without the model, ${shape.join('x')}`,
        // The first round warms up.
        value: median(rounds.slice(1)),
        unit: 'ms',
      };
      return place === 0 ? { ...figure, target: TARGET_MS } : figure;
    }),
  );
}

function millisecondsPerCall(sampler: SamplerName, size: number): number {
  const base = samplerNamed(sampler).kind === 'diffusion' ? {} : { _class_name: diffusersClassOf(sampler) };
  const draft = { prompt: 'a', sampler, num_inference_steps: STEPS, eta: 0.5 };
  const defaults = {
    numInferenceSteps: STEPS,
    guidanceScale: 5,
    sampler,
    schedule: 'normal',
    width: 512,
    height: 512,
    strength: 0.75,
    maxSize: 1024,
  } as const;
  const { request } = freezeRequest(draft, { model: 'm', defaults });
  const plan = planSampling(request, base);
  const sampling = plan.begin(size, createRandom('torch', 1), undefined);
  const prediction = createRandom('torch', 2).randn(size);
  let turn = sampling.next();
  // What comes before the first call is drawn once, not at each step.
  const started = performance.now();
  while (!turn.done) turn = sampling.next(prediction);
  return (performance.now() - started) / plan.calls;
}
