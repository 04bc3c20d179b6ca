/** A job prepared for its first denoiser call: pictures read and encoded, the prompt too, passes planned. */
import type { Job } from '../job.ts';
import type { EncodedPrompt } from '../models/families/family.ts';
import type { ModelSpec } from '../models/spec.ts';
import { type Embedding, type GenerationRequest, inWordsOf } from '../request.ts';
import type { Words } from '../sentences.ts';
import type { Tensor } from '../tensor.ts';
import { checkRequest, isInpaintingModel } from './check.ts';
import { type ControlSources, type Controls, readControls } from './control/controls.ts';
import { grow } from './hires.ts';
import type { Adapted } from './lora/loras.ts';
import type { Saver } from './memory/memory.ts';
import type { Components } from './model/model-cache.ts';
import { notesOf } from './notes.ts';
import type { Inpainting, Pass } from './pass.ts';
import { type PlannedPass, planPasses } from './passes.ts';
import {
  encodePicture,
  maskOfLatents,
  meanOf,
  type Posterior,
  readSources,
  type Sources,
} from './picture/pictures.ts';
import { encodePrompt, type Inversions, readInversions } from './prompt/prompt.ts';
import type { Prepared } from './run.ts';
import type { TiledUpscaler } from './upscaler/upscalers.ts';

/** What needs no weights: everything here is refused before the GPU is asked for. */
interface Draft {
  readonly sources: Sources;
  readonly plans: readonly PlannedPass[];
  readonly controls: Controls;
  readonly inversions: Inversions;
}

/** @throws DarkroomError for what the model cannot draw or a picture that cannot be used */
export async function draftJob(job: Job, spec: ModelSpec, from: ControlSources): Promise<Draft> {
  checkRequest(job.request, spec);
  const plans = planPasses(job.request, spec);
  const sources = await readSources(job, spec.sizeMultiple);
  const controls = await readControls(job, spec, from, { sizes: plans, frame: sources.masked?.frame });
  const inversions = await readInversions(job.request, spec, from.inventory);
  return { plans, sources, controls, inversions };
}

/** Runs the encoders. */
export async function prepareJob(
  { request }: Job,
  { sources, plans, controls, inversions }: Draft,
  components: Components,
  {
    adapted,
    savers,
    upscaler,
  }: {
    readonly adapted: Adapted;
    readonly savers: readonly Saver[];
    /** What enlarges before a second pass, where a network does. */
    readonly upscaler?: TiledUpscaler | undefined;
  },
): Promise<Omit<Prepared, 'lease' | 'seconds' | 'plan' | 'own' | 'files'>> {
  const { spec } = components;
  const { start, masked } = sources;
  const turn = async () => {
    if (savers.includes('turns')) await components.release();
  };
  const encode = async (picture: Sources['start']): Promise<Posterior | undefined> =>
    picture && encodePicture(await components.vaeEncoder(savers.includes('tiles')), picture);
  const posterior = await encode(start);
  const references: Tensor[] = [];
  const see = ({ mean }: Posterior) => {
    const { encode: scale } = spec.latentScales(masked !== undefined);
    references.push({ data: meanOf({ mean }, scale), dims: mean.dims });
  };
  // Where a part is redrawn, the model sees the whole first.
  if (posterior !== undefined && masked !== undefined && spec.editsByInstruction === true) see(posterior);
  for (const reference of sources.references) see((await encode(reference))!);
  const inpainting: Inpainting | undefined = masked && {
    mask: maskOfLatents(
      masked.mask,
      request,
      request.width / plans[0]!.dims[3]!,
      masked.keepsRest,
      spec.blendsMask === true ? 'middle' : 'corner',
    ),
    masked: isInpaintingModel(spec) ? await encode(masked.masked) : undefined,
    isPure: request.strength === 1,
  };
  if (posterior !== undefined || references.length > 0) await turn();
  const encoded: Encoded[] = [];
  for (const worded of wordedRequests(request)) {
    const more = { inpainting, references, controls, inversions, adapted };
    encoded.push(await encodeConditions(worded, plans, components, more));
  }
  const passes = encoded.map((one) => one.passes);
  await turn();
  const how = upscaler ?? (request.hires?.upscaler === 'latent' ? 'latent' : 'lanczos');
  return {
    passes,
    embeddings: encoded.map(({ embeddings }) => embeddings),
    nets: controls.nets,
    start: posterior,
    grow: (latents, pass) => grow(components, how, latents, pass, savers),
    decodeScale: passes[0]![0]!.scales.decode,
    finish: masked?.finish ?? (async (picture) => picture),
    notes: [
      ...notesOf(request, spec),
      ...sources.notes,
      ...controls.notes,
      ...new Set(encoded.flatMap(({ notes }) => notes)),
    ],
  };
}

/** One for each picture where their words differ. */
const wordedRequests = (request: GenerationRequest): readonly GenerationRequest[] =>
  request.pictureWords?.map((_, i) => inWordsOf(request, i)) ?? [request];

export interface Encoded {
  readonly passes: readonly Pass[];
  /** The embeddings that the prompts call. */
  readonly embeddings: readonly Embedding[];
  /** Sentences for the user, about the prompt. */
  readonly notes: readonly Words[];
}

/** Runs the text encoders: the prompt becomes what each pass is conditioned on. */
export async function encodeConditions(
  request: GenerationRequest,
  plans: readonly PlannedPass[],
  { spec, textEncoders }: Components,
  {
    inpainting,
    references = [],
    controls,
    inversions,
    adapted,
  }: {
    readonly inpainting?: Inpainting | undefined;
    /** As PassConditions has them. */
    readonly references?: readonly Tensor[];
    readonly controls?: Controls;
    readonly inversions: Inversions;
    readonly adapted: Adapted;
  },
): Promise<Encoded> {
  const { guidanceRescale } = request;
  const guidanceScale = request.guidanceScale + (spec.guidanceOffset ?? 0);
  const encoders = { ...textEncoders, factors: adapted };
  const isGuided = spec.isGuided(request.guidanceScale);
  const { prompt, negative, embeddings, notes } = await encodePrompt(encoders, request, isGuided, inversions);
  const batch = prompt.context.dims[0]!;
  const scales = spec.latentScales(inpainting !== undefined);
  const passes = plans.map((plan, i): Pass => {
    const feedsOf = (half: EncodedPrompt) => ({
      ...spec.denoiser.conditioning({ request, size: plan, dims: plan.dims, prompt: half, references }),
      ...adapted.feeds.get('denoiser'),
    });
    const conditions = {
      batch,
      feeds: feedsOf(prompt),
      ...(negative !== undefined && { negativeFeeds: feedsOf(negative) }),
      guidanceScale,
      guidanceRescale,
      controls: controls?.feeds(i, batch),
    };
    return { ...plan, inpainting, conditions, scales };
  });
  const called = embeddings.map((name) => ({ name, hash: inversions.hashes.get(name) }));
  return { passes, embeddings: called, notes: [...inversions.notes, ...notes] };
}
