/** The `parameters` text of a PNG as A1111 writes it, so that other tools read our pictures. */
import type { GenerationRequest, SamplerName, ScheduleName } from '../request.ts';

const A1111_SAMPLER: Readonly<Record<SamplerName, string>> = {
  ddim: 'DDIM',
  euler: 'Euler',
  euler_a: 'Euler a',
  dpmpp_2m: 'DPM++ 2M',
};
const A1111_SCHEDULE: Readonly<Record<ScheduleName, string>> = { normal: 'Normal', karras: 'Karras' };

export interface PictureFacts {
  /** The seed of this picture, which is not the request's where it makes several. */
  readonly seed: number;
  /** Short hash of the model's weights, hexadecimal. */
  readonly modelHash?: string;
  /** The model's name without its folder. */
  readonly modelName: string;
}

/** Prompt, negative prompt where there is one, then one line of `Key: value` pairs. */
export function formatParameters(request: GenerationRequest, facts: PictureFacts): string {
  const pairs: [string, string | number | undefined][] = [
    ['Steps', request.numInferenceSteps],
    ['Sampler', A1111_SAMPLER[request.sampler]],
    ['Schedule type', A1111_SCHEDULE[request.schedule]],
    ['CFG scale', request.guidanceScale],
    ['Seed', facts.seed],
    ['Size', `${request.width}x${request.height}`],
    ['Model hash', facts.modelHash],
    ['Model', facts.modelName],
    ['Denoising strength', request.image === undefined ? undefined : request.strength],
    // diffusers counts skipped layers from 0, A1111 layers from the end from 1.
    ['Clip skip', request.clipSkip > 0 ? request.clipSkip + 1 : undefined],
    ['CFG Rescale phi', request.guidanceRescale > 0 ? request.guidanceRescale : undefined],
    ['Eta', request.eta > 0 ? request.eta : undefined],
    ['RNG', 'CPU'],
  ];
  const line = pairs
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${quote(String(value))}`)
    .join(', ');
  const { negativePrompt = '' } = request;
  const negative = negativePrompt === '' ? [] : [`Negative prompt: ${negativePrompt}`];
  return [request.prompt, ...negative, line].join('\n');
}

/** A value that would end its pair early is quoted as JSON. */
const quote = (value: string) => (/[,:\n]/.test(value) ? JSON.stringify(value) : value);
