/** What a PNG says of itself: a request that makes this one picture again. */
import packageJson from '../../package.json' with { type: 'json' };
import { formatParameters } from '../image/parameters.ts';
import type { ModelSpec } from '../models/spec.ts';
import { type GenerationRequest, requestToJson } from '../request.ts';

const ENGINE_VERSION: string = packageJson.version;

/** @param seed of this picture, which the request may count on from */
export async function recipeTexts(
  request: GenerationRequest,
  seed: number,
  spec: ModelSpec,
): Promise<Record<'parameters' | 'darkroom', string>> {
  const single = { ...request, seed, numImages: 1 };
  const modelHash = await spec.modelHash();
  const recipe = { request: requestToJson(single), model_hash: modelHash, engine_version: ENGINE_VERSION };
  return {
    parameters: formatParameters(single, { seed, modelHash, modelName: spec.name }),
    darkroom: JSON.stringify(recipe),
  };
}
