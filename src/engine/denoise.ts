/** The denoising loop: a sampler asks for predictions, the denoiser makes them, guidance joins their halves. */
import { guide } from '../diffusion/guidance.ts';
import type { Random } from '../diffusion/random.ts';
import type { ModelCall } from '../diffusion/sampling.ts';
import { repeat, type Tensor } from '../tensor.ts';
import type { ControlNet } from './control/controls.ts';
import type { Components, DenoiserCall } from './model/model-cache.ts';
import { beginPass, type Conditions, type Pass, type Start } from './pass.ts';

interface ModelInUse {
  readonly components: Components;
  readonly nets: readonly ControlNet[];
  /** Whether the halves of guidance run one after the other. */
  readonly isHalved: boolean;
}

/**
 * One picture's way through one pass, a denoiser call at a time.
 * @param start what the pass starts from
 * @param check called with each prediction and with the final latents; throws where they are not finite
 * @yields after each call the current estimate of the picture, [1, C, h, w], for previews; undefined where the sampler has none
 * @returns the final latents in the sampler's scale, [1, C, h, w]
 */
export async function* denoise(
  pass: Pass,
  { components, nets, isHalved }: ModelInUse,
  { random, start }: { readonly random: Random; readonly start: Start },
  check: (values: Float32Array) => void,
): AsyncGenerator<Tensor | undefined, Tensor> {
  const { dims, conditions } = pass;
  const sampleName = components.spec.denoiser.names.sample;
  const { sampling, extra } = beginPass(pass, random, start);
  let next = sampling.next();
  for (let index = 0; !next.done; index++) {
    const call = denoiserCall(pass, next.value, { index, extra, sampleName, isHalved });
    const predicted = await components.denoise(call, nets);
    const { negativeFeeds } = conditions;
    const negative =
      negativeFeeds &&
      (await components.denoise({ ...call, feeds: { ...call.feeds, ...negativeFeeds } }, nets));
    const prediction = guided(predicted, negative, next.value.sample.length, conditions);
    check(prediction);
    next = sampling.next(prediction);
    if (next.done) check(next.value);
    const denoised = next.done ? next.value : next.value.denoised;
    yield denoised && { data: denoised, dims };
  }
  return { data: next.value, dims };
}

/** Of both halves one prediction; without guidance there is only one half. */
function guided(
  predicted: Float32Array,
  negative: Float32Array | undefined,
  size: number,
  { guidanceScale, guidanceRescale }: Conditions,
): Float32Array {
  if (negative !== undefined) return guide(negative, predicted, guidanceScale, guidanceRescale);
  if (predicted.length === size) return predicted;
  return guide(predicted.subarray(0, size), predicted.subarray(size), guidanceScale, guidanceRescale);
}

interface CallPlace {
  /** Of this call in the pass, from 0. */
  readonly index: number;
  /** Channels in addition to the latents, [n, h, w]: the mask and masked picture of an inpainting UNet. */
  readonly extra: Float32Array | undefined;
  /** Name of the denoiser's input for the latents. */
  readonly sampleName: string;
  readonly isHalved: boolean;
}

function denoiserCall(
  { dims, plan, conditions }: Pass,
  { sample, timestep }: ModelCall,
  { index, extra, sampleName, isHalved }: CallPlace,
): DenoiserCall {
  const control = conditions.controls?.at(index, plan.calls);
  return {
    feeds: {
      ...conditions.feeds,
      [sampleName]: repeat(inputOf(sample, dims, extra), conditions.batch),
      timestep: { data: Float32Array.of(timestep), dims: [1] },
    },
    controlFeeds: control?.feeds ?? {},
    isControlled: control?.isActive ?? false,
    isHalved: isHalved && conditions.batch === 2,
  };
}

function inputOf(sample: Float32Array, dims: readonly number[], extra: Float32Array | undefined): Tensor {
  if (extra === undefined) return { data: sample, dims };
  const data = new Float32Array(sample.length + extra.length);
  data.set(sample);
  data.set(extra, sample.length);
  const [, channels, ...size] = dims as [number, number, number, number];
  return { data, dims: [1, channels + extra.length / (size[0]! * size[1]!), ...size] };
}
