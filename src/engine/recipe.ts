/** What a PNG says of itself: a request that makes this one picture again. */
import packageJson from '../../package.json' with { type: 'json' };
import { formatParameters } from '../image/parameters.ts';
import type { ModelSpec } from '../models/spec.ts';
import { type GenerationRequest, requestToJson } from '../request.ts';
import type { Precision } from './device.ts';

const ENGINE_VERSION: string = packageJson.version;

/** @param seed of this picture, which the request may count on from. @param precision of the denoiser */
export async function recipeTexts(
  request: GenerationRequest,
  seed: number,
  { spec, precision }: { readonly spec: ModelSpec; readonly precision: Precision },
): Promise<Record<'parameters' | 'darkroom', string>> {
  const single = { ...request, seed, numImages: 1 };
  const modelHash = await spec.modelHash();
  const recipe = {
    ...{ request: requestToJson(single), model_hash: modelHash, engine_version: ENGINE_VERSION },
    // The other precisions belong to their devices, and pictures agree between them but for the last digits.
    ...(precision === 'int8' && { precision }),
  };
  return {
    parameters: formatParameters(single, { seed, modelHash, modelName: spec.name }),
    darkroom: JSON.stringify(recipe),
  };
}
