/** From a draft to the frozen request: gaps filled from the model's defaults, its seed drawn. */
import {
  curveFor,
  diffusersClassOf,
  parseSampler,
  parseSchedule,
  samplerOfConfig,
  scheduleOfConfig,
} from '../diffusion/names.ts';
import { samplerNamed } from '../diffusion/samplers/index.ts';
import { DarkroomError } from '../errors.ts';
import { sentence, type Words } from '../sentences.ts';
import type { Chosen } from './chosen.ts';
import type { DraftContext, ModelDefaults } from './defaults.ts';
import { parseDraft } from './draft.ts';
import { type GenerationRequest, type RequestDraft, ROWS } from './fields.ts';
import { freezeHires } from './hires.ts';
import { LIMITS } from './limits.ts';
import { freezeLoras, type LoraDraft, lorasOf } from './loras.ts';
import { notesOf } from './notes.ts';
import {
  freezeOutpaint,
  noteOutpaint,
  OUTPAINT_STRENGTH,
  type OutpaintRequest,
  outpaintSize,
} from './outpaint.ts';
import { chooseSize, isWithinOwnArea, type Size } from './sizes.ts';
import { requireStep } from './strength.ts';
import { freezeUpscaleImage, REFINE_STRENGTH, tileSize, type UpscaleImageRequest } from './upscale-image.ts';

/**
 * Fills a draft's gaps, checks what depends on the model, draws the seed.
 * @returns the frozen request, and sentences for the user about values that are allowed but rarely meant
 * @throws DarkroomError('bad_request') before any GPU work
 */
export function freezeRequest(
  input: unknown,
  context: DraftContext,
): { request: GenerationRequest; notes: Words[] } {
  const draft = withUpscaler(parseDraft(input));
  const asked = lorasOf(draft);
  const { loras, notes } = freezeLoras(asked.loras, context.loras);
  const words = pictureWordsOf(draft, asked.loras);
  const seen = chooseReferences(draft, context);
  const chosen = choose(draft, context, { prompt: asked.prompt, loras, ...seen });
  const filled = ROWS.flatMap(([key, { name, fill }]) => {
    const typed = name === 'picture_words' ? words : draft[name as keyof RequestDraft];
    const value = fill(typed, chosen);
    return value === undefined ? [] : [[key, value]];
  });
  const request = Object.freeze(Object.fromEntries(filled)) as GenerationRequest;
  const { imageSize } = context;
  const placed = request.outpaint && imageSize ? noteOutpaint(request.outpaint, imageSize) : [];
  return { request, notes: [...notes, ...seen.notes, ...placed, ...notesOf(request, context.defaults)] };
}

/** What each picture's seed has drawn, without the tags of LoRAs: those are the same for all pictures of a request. */
function pictureWordsOf(draft: RequestDraft, loras: readonly LoraDraft[]) {
  const { picture_words: words, num_images: count = 1 } = draft;
  if (words === undefined) return undefined;
  if (words.length !== count) {
    throw new DarkroomError('bad_request', sentence('request.other_words', { words: words.length, count }));
  }
  return words.map((one) => {
    const own = lorasOf({ ...draft, prompt: one.prompt ?? draft.prompt });
    if (JSON.stringify(own.loras) !== JSON.stringify(loras)) {
      throw new DarkroomError('bad_request', sentence('request.loras_differ'));
    }
    return { ...one, ...(one.prompt !== undefined && { prompt: own.prompt }) };
  });
}

type Read = Pick<Chosen, 'prompt' | 'loras' | 'references' | 'hasImage'>;

function choose(draft: RequestDraft, context: DraftContext, { references, hasImage, ...read }: Read): Chosen {
  const { defaults, model } = context;
  const numInferenceSteps = draft.num_inference_steps ?? defaults.numInferenceSteps;
  const upscaleImage = chooseUpscaleImage(draft, context);
  const outpaint = chooseOutpaint(draft, context);
  const tile = upscaleImage && tileSize(upscaleImage, defaults);
  const drawn = outpaint && outpaintSize(outpaint, defaults);
  const isSeen = references.length > 0 && !hasImage;
  const size = chooseSize({ ...tile, ...drawn, ...draftSize(draft) }, context, isSeen);
  requireMask(draft);
  return {
    model,
    defaults,
    ...read,
    ...chooseSampler(draft, defaults),
    ...size,
    strength: chooseStrength(draft, defaults, numInferenceSteps, { upscaleImage, outpaint }),
    upscaleImage,
    outpaint,
    references,
    hasImage,
    hasMask: draft.mask_image !== undefined,
    enlarge: chooseEnlarge(draft, context, size, outpaint),
    hires: chooseHires(draft, context, { ...size, numInferenceSteps }),
  };
}

/** `upscaler` names what enlarges the source picture, or the first of two passes. */
function withUpscaler(draft: RequestDraft): RequestDraft {
  const { upscaler, hires, upscale_image: image } = draft;
  if (upscaler === undefined) return draft;
  if (hires === undefined && image === undefined) {
    throw new DarkroomError('bad_request', sentence('request.nothing_to_enlarge', { upscaler }));
  }
  return {
    ...draft,
    ...(hires !== undefined && { hires: { upscaler, ...hires } }),
    ...(image !== undefined && { upscale_image: { upscaler, ...image } }),
  };
}

/**
 * A model that edits by instruction sees the picture to start from, and does not start from it; where a mask or a wider
 * canvas says what is drawn, it does both.
 */
function chooseReferences(draft: RequestDraft, { model, defaults }: DraftContext) {
  const { image, strength, reference_images: given = [] } = draft;
  if (defaults.editsByInstruction !== true) {
    if (given.length > 0) {
      throw new DarkroomError('bad_request', sentence('request.no_references', { model }));
    }
    return { references: [], hasImage: image !== undefined, notes: [] };
  }
  const isKept = [draft.mask_image, draft.outpaint, draft.upscale_image].some((one) => one !== undefined);
  const starts = image !== undefined && isKept;
  const references = [...(image === undefined || starts ? [] : [image]), ...given];
  if (references.length > LIMITS.references) {
    throw new DarkroomError(
      'bad_request',
      sentence('request.many_references', { count: references.length, limit: LIMITS.references }),
    );
  }
  const isIdle = image !== undefined && !starts && strength !== undefined;
  const notes = isIdle ? [sentence('request.strength_idle', { strength, model })] : [];
  return { references, hasImage: starts, notes };
}

const draftSize = ({ width, height }: RequestDraft) => ({
  ...(width !== undefined && { width }),
  ...(height !== undefined && { height }),
});

function chooseSampler(draft: RequestDraft, defaults: ModelDefaults) {
  const { kind } = samplerNamed(defaults.sampler);
  const named = draft.sampler === undefined ? undefined : parseSampler(draft.sampler, kind);
  const schedule = draft.schedule === undefined ? undefined : parseSchedule(draft.schedule);
  const config = draft.scheduler_config ?? {};
  const className = config['_class_name'];
  const ofClass = samplerOfConfig(config);
  if (named !== undefined && ofClass !== undefined && diffusersClassOf(named.sampler) !== className) {
    throw new DarkroomError(
      'bad_request',
      sentence('request.two_samplers', {
        sampler: String(draft.sampler),
        className: String(className),
      }),
    );
  }
  const sampler = named?.sampler ?? ofClass ?? defaults.sampler;
  const isOwn = named === undefined && className === undefined;
  // Another sampler keeps the model's curve of sigmas where its class knows it, as diffusers' from_config does.
  const inherited = isOwn ? defaults.schedule : curveFor(sampler, defaults.schedule);
  const isFlagged = Object.keys(config).some((key) => /^use_\w+_sigmas$/.test(key));
  return {
    sampler,
    schedule: schedule ?? named?.schedule ?? (isFlagged ? scheduleOfConfig(config) : inherited),
  };
}

function chooseStrength(
  draft: RequestDraft,
  defaults: ModelDefaults,
  steps: number,
  {
    upscaleImage,
    outpaint,
  }: {
    readonly upscaleImage: UpscaleImageRequest | undefined;
    readonly outpaint: OutpaintRequest | undefined;
  },
): number {
  if (upscaleImage !== undefined) return chooseRefinement(draft.strength ?? 0, defaults, steps);
  if (draft.image === undefined) requireImage(draft);
  const usual = draft.mask_image === undefined ? defaults.strength : (defaults.inpaintStrength ?? 1);
  const strength = draft.strength ?? (outpaint === undefined ? usual : OUTPAINT_STRENGTH);
  if (draft.image !== undefined) requireStep('strength', strength, steps, defaults);
  return strength;
}

function chooseRefinement(strength: number, defaults: ModelDefaults, steps: number): number {
  if (strength > REFINE_STRENGTH.max) {
    throw new DarkroomError(
      'bad_request',
      sentence('request.refine_strength', { strength, limit: REFINE_STRENGTH.max }),
    );
  }
  if (strength > 0) requireStep('strength', strength, steps, defaults);
  return strength;
}

function chooseUpscaleImage(draft: RequestDraft, { defaults, imageSize, upscalers }: DraftContext) {
  const { upscale_image: wanted, image } = draft;
  if (wanted === undefined) return undefined;
  if (image === undefined || imageSize === undefined) {
    throw new DarkroomError('bad_request', sentence('request.upscale_needs_picture'));
  }
  const stray = (['mask_image', 'hires', 'controls'] as const).find((key) => draft[key] !== undefined);
  if (stray !== undefined) {
    throw new DarkroomError('bad_request', sentence('request.upscale_and', { other: stray }));
  }
  if ((draft.num_images ?? 1) > 1) {
    throw new DarkroomError('bad_request', sentence('request.upscale_one'));
  }
  return freezeUpscaleImage(wanted, defaults, imageSize, upscalers);
}

function chooseOutpaint(draft: RequestDraft, { defaults, imageSize }: DraftContext) {
  const { outpaint: wanted, image } = draft;
  if (wanted === undefined) return undefined;
  if (image === undefined || imageSize === undefined) {
    throw new DarkroomError('bad_request', sentence('request.outpaint_needs_picture'));
  }
  const stray = (['upscale_image', 'mask_image', 'hires', 'controls'] as const).find(
    (key) => draft[key] !== undefined && !(Array.isArray(draft[key]) && draft[key].length === 0),
  );
  if (stray !== undefined) {
    throw new DarkroomError('bad_request', sentence('request.outpaint_and', { other: stray }));
  }
  return freezeOutpaint(wanted, defaults, imageSize);
}

function requireImage(draft: RequestDraft): void {
  const stray = (['strength', 'mask_image'] as const).find((key) => draft[key] !== undefined);
  if (stray === undefined) return;
  throw new DarkroomError('bad_request', sentence('request.needs_picture', { option: stray }));
}

function requireMask(draft: RequestDraft): void {
  if (draft.mask_image !== undefined) return;
  const stray = (['mask_blur', 'keep_unmasked', 'only_masked_padding'] as const).find(
    (key) => draft[key] !== undefined && draft[key] !== false,
  );
  if (stray === undefined) return;
  throw new DarkroomError('bad_request', sentence('request.needs_mask', { option: stray }));
}

/** By default up to the model's own area: what is drawn larger is large already. */
function chooseEnlarge(
  { enlarge, upscale_image: upscaled }: RequestDraft,
  { model, defaults }: DraftContext,
  drawn: Size,
  outpaint: OutpaintRequest | undefined,
) {
  // An upscaled picture has its size already: a multiple of the source's.
  if (defaults.enlarges !== undefined && upscaled !== undefined) return false;
  // What is drawn around a picture is made as large as the picture.
  if (defaults.enlarges !== undefined && outpaint !== undefined) {
    return enlarge ?? (outpaint.width > drawn.width || outpaint.height > drawn.height);
  }
  if (defaults.enlarges !== undefined) return enlarge ?? isWithinOwnArea(drawn, defaults);
  if (enlarge !== true) return undefined;
  throw new DarkroomError('bad_request', sentence('request.no_own_upscaler', { model }));
}

function chooseHires(
  { hires, mask_image: mask }: RequestDraft,
  { defaults, upscalers }: DraftContext,
  first: { readonly width: number; readonly height: number; readonly numInferenceSteps: number },
) {
  if (hires === undefined) return undefined;
  if (mask !== undefined) {
    throw new DarkroomError('bad_request', sentence('request.hires_and_mask'));
  }
  return freezeHires(hires, defaults, first, upscalers);
}
