/** What a PNG says of itself: a request that makes this one picture again, and that a model drew it. */
import packageJson from '../../package.json' with { type: 'json' };
import { formatParameters } from '../image/parameters.ts';
import { provenanceXmp, XMP } from '../image/provenance.ts';
import type { ModelSpec } from '../models/spec.ts';
import { type Embedding, type GenerationRequest, type PartFile, requestToJson } from '../request.ts';
import type { Precision } from './device.ts';
import { unlessChanged } from './part-files.ts';

const ENGINE_VERSION: string = packageJson.version;

/** @param single of this one picture. @param precision of the denoiser. @param embeddings that its prompts call. @param files beside the model's own */
export async function recipeTexts(
  single: GenerationRequest,
  { spec, precision }: { readonly spec: ModelSpec; readonly precision: Precision },
  {
    embeddings = [],
    files = [],
  }: { readonly embeddings?: readonly Embedding[] | undefined; readonly files?: readonly PartFile[] } = {},
): Promise<Record<'parameters' | 'darkroom' | typeof XMP, string>> {
  const modelHash = await spec.modelHash().catch(unlessChanged);
  const recipe = {
    request: requestToJson(single),
    ...(modelHash !== undefined && { model_hash: modelHash }),
    engine_version: ENGINE_VERSION,
    ...(embeddings.length > 0 && { embeddings }),
    ...(files.length > 0 && { files }),
    // The other precisions belong to their devices, and pictures agree between them but for the last digits.
    ...(precision === 'int8' && { precision }),
  };
  return {
    parameters: formatParameters(single, {
      seed: single.seed,
      ...(modelHash !== undefined && { modelHash }),
      modelName: spec.name,
      embeddings,
      files,
    }),
    darkroom: JSON.stringify(recipe),
    [XMP]: provenanceXmp(single.image !== undefined),
  };
}
