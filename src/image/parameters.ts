/** The `parameters` text of a PNG as A1111 writes it, so that other tools read our pictures. */
import {
  a1111Schedule,
  type ControlRequest,
  type GenerationRequest,
  type Rng,
  samplerNamed,
  type Upscaler,
} from '../request.ts';

const A1111_UPSCALER: Readonly<Record<Upscaler, string>> = { lanczos: 'Lanczos', latent: 'Latent' };
/** `NV` is A1111's name for what its GPU draws, made on any machine. */
const A1111_RNG: Readonly<Record<Rng, string>> = { torch: 'CPU', philox: 'NV' };

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
  const { hires } = request;
  const pairs: Pair[] = [
    ['Steps', request.numInferenceSteps],
    ['Sampler', samplerNamed(request.sampler).a1111[0]],
    ['Schedule type', a1111Schedule(request.schedule)],
    ['CFG scale', request.guidanceScale],
    ['Seed', facts.seed],
    ['Size', `${request.width}x${request.height}`],
    ['Model hash', facts.modelHash],
    ['Model', facts.modelName],
    ['Denoising strength', request.strength ?? hires?.strength],
    ['Mask blur', request.maskImage === undefined ? undefined : (request.maskBlur ?? 0)],
    ['Inpaint area', request.onlyMaskedPadding === undefined ? undefined : 'Only masked'],
    ['Masked area padding', request.onlyMaskedPadding],
    ...request.controls.map(
      (control, i): Pair => [`ControlNet ${i}`, controlText(control, request.guessMode)],
    ),
    // diffusers counts skipped layers from 0, A1111 layers from the end from 1.
    ['Clip skip', request.clipSkip > 0 ? request.clipSkip + 1 : undefined],
    ['CFG Rescale phi', request.guidanceRescale > 0 ? request.guidanceRescale : undefined],
    ['Eta', request.eta > 0 ? request.eta : undefined],
    ['Hires resize', hires && `${hires.width}x${hires.height}`],
    ['Hires steps', hires?.numInferenceSteps],
    ['Hires upscaler', hires && A1111_UPSCALER[hires.upscaler]],
    ['RNG', A1111_RNG[request.rng]],
  ];
  const line = pairs
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${quote(String(value))}`)
    .join(', ');
  const { negativePrompt = '' } = request;
  const negative = negativePrompt === '' ? [] : [`Negative prompt: ${negativePrompt}`];
  return [request.prompt, ...negative, line].join('\n');
}

type Pair = readonly [key: string, value: string | number | undefined];

/** As the ControlNet extension of A1111 writes a unit. */
function controlText({ kind, controlnet, scale, start, end }: ControlRequest, guessMode: boolean): string {
  const pairs: Pair[] = [
    ['Module', kind === 'raw' ? 'none' : kind],
    ['Model', controlnet?.split(/[\\/]/).at(-1)],
    ['Weight', scale],
    ['Resize Mode', 'Just Resize'],
    ['Guidance Start', start],
    ['Guidance End', end],
    ['Control Mode', guessMode ? 'ControlNet is more important' : 'Balanced'],
  ];
  const known = pairs.filter(([, value]) => value !== undefined);
  return known.map(([key, value]) => `${key}: ${value}`).join(', ');
}

/** A value that would end its pair early is quoted as JSON. */
const quote = (value: string) => (/[,:\n]/.test(value) ? JSON.stringify(value) : value);
