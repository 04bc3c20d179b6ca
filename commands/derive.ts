/** Pictures that are made from another one by its buttons. */
import { asTyped } from '../src/choices/choices.ts';
import { DarkroomError } from '../src/errors.ts';
import {
  type ControlRequest,
  isNamedPose,
  LIMITS,
  type RequestDraft,
  requestToJson,
  seedOfPicture,
} from '../src/request.ts';
import { type PlainKey, sentence, type Words } from '../src/sentences.ts';
import type { JobRecord, OriginVerb } from '../src/store/jobs.ts';
import { layOver } from './base.ts';
import { type AnyCommand, type Context, parseValues } from './command.ts';
import { baseOf, otherSeed, pictureBaseOf, pictureOf } from './derived-draft.ts';
import { draftOf } from './draft.ts';
import { edit as editCommand } from './edit.ts';
import { type DrawPorts, imagine } from './imagine.ts';
import { requireJob } from './job-access.ts';
import { readLine } from './line.ts';
import { nameMentions } from './mentions.ts';
import { draftOfPictures, findPictures, type Pictures } from './pictures.ts';
import { Policy } from './policy.ts';
import type { ModelInfo } from './ports.ts';
import { fullDraft } from './quick.ts';
import { openPicture } from './sources.ts';
import { largestSide, UPSCALE, upscaleScale } from './upscaling.ts';
import { poseOf } from './uses.ts';

type DrawContext = Context<DrawPorts>;

/** Strength of a variation: the composition stays, the details are redrawn. */
const VARY_STRENGTH = 0.6;
/** Details change a little; and the composition may change as well. */
const SUBTLE_STRENGTH = 0.35;
const STRONG_STRENGTH = 0.8;

/** Strength of an enlargement that cannot be a second pass of the same job. */
const ENLARGE_STRENGTH = 0.35;

/** The same request with another seed. */
export async function reroll(record: JobRecord, context: DrawContext): Promise<void> {
  if (record.request.upscaleImage !== undefined) {
    throw new DarkroomError('bad_request', sentence('action.upscaled_stays'));
  }
  const { count: num_images } = context;
  const draft = {
    ...asTyped(requestToJson(record.request)),
    seed: otherSeed(record.request),
    ...(num_images !== undefined && { num_images }),
  };
  await order(record, draft, await inputsOf(record, context), context, 'reroll');
}

/** The same request, seed included. @returns the job as it was accepted, when it has ended */
export async function again(record: JobRecord, context: DrawContext): Promise<JobRecord> {
  const pictures = await inputsOf(record, context);
  const verb = record.state === 'done' ? 'again' : undefined;
  return order(record, requestToJson(record.request), pictures, context, verb);
}

/** The full picture of a draft: the same request and seed. */
export async function finish(record: JobRecord, context: DrawContext, index: number): Promise<void> {
  await order(record, fullDraft(record, index), await inputsOf(record, context), context, 'finish');
}

/** The same request from another picture of those that were replied to. */
export async function from(record: JobRecord, context: DrawContext, index: number): Promise<void> {
  const { invocation, reply, ports } = context;
  const { verb = 'edit', job = '' } = record.frame?.origin ?? {};
  const origin = await requireJob(job, invocation, ports);
  const picture = await openPicture(pictureOf(origin, index), ports);
  const role = verb === 'use' ? 'control' : 'source';
  const pictures = { ...(await inputsOf(record, context)), [role]: picture };
  const draft = requestToJson(record.request);
  const model = await ports.models.resolve(record.request.model);
  await ports.submit({ invocation, reply, model, draft, pictures, origin: { verb, record: origin } });
}

/** @param how much is redrawn */
const varying =
  (strength: number, verb: OriginVerb) =>
  (record: JobRecord, context: DrawContext, index: number): Promise<void> =>
    varyBy({ strength, verb }, record, context, index);
export const vary = varying(VARY_STRENGTH, 'vary');
export const varySubtle = varying(SUBTLE_STRENGTH, 'vary_subtle');
export const varyStrong = varying(STRONG_STRENGTH, 'vary_strong');

async function varyBy(
  { strength, verb }: { readonly strength: number; readonly verb: OriginVerb },
  record: JobRecord,
  context: DrawContext,
  index: number,
): Promise<void> {
  const model = await context.ports.models.resolve(record.request.model);
  const draft = {
    ...baseOf(record.request),
    image: 'source',
    ...redrawnBy(strength, model),
    ...(context.count !== undefined && { num_images: context.count }),
  };
  const { control } = await inputsOf(record, context);
  const source = await openPicture(pictureOf(record, index), context.ports);
  await order(record, draft, { source, ...(control && { control }) }, context, verb);
}

/** A model that edits by instruction sees the picture, and redraws nothing of it by strength. */
const redrawnBy = (strength: number, { editsByInstruction }: Pick<ModelInfo, 'editsByInstruction'>) =>
  editsByInstruction === true ? {} : { strength };

/** The form behind the button asks for the prompt. */
export async function edit(record: JobRecord, context: DrawContext, index: number): Promise<void> {
  const { prompt, strength, region } = formValues(editCommand, context);
  const { controls: _controls, ...rest } = baseOf(record.request);
  const read = await readWords(prompt, 'action.say_edit', record, context);
  const model = await context.ports.models.resolve(record.request.model);
  const laid = layOver(read.prompt, requestToJson(record.request), model);
  const draft = {
    ...rest,
    image: 'source',
    ...(typeof strength === 'number' ? { strength } : redrawnBy(VARY_STRENGTH, model)),
    ...read,
    prompt: laid.prompt,
    ...(laid.negative !== undefined && { negative_prompt: laid.negative }),
  };
  const source = await openPicture(pictureOf(record, index), context.ports);
  const mask = typeof region === 'string' ? { region } : {};
  const pictures = await findPictures(
    { ...context.invocation, attachments: masksOf(context) },
    mask,
    context.ports,
    { own: source },
  );
  const isMasked = pictures.mask !== undefined;
  await order(
    record,
    { ...draft, ...(isMasked && { mask_image: 'mask', keep_unmasked: true }) },
    pictures,
    context,
    'edit',
    laid.notes,
  );
}

/** This very picture, larger. */
export async function upscale(record: JobRecord, context: DrawContext, index: number): Promise<void> {
  const source = await openPicture(pictureOf(record, index), context.ports);
  const policy = await Policy.of(context.invocation, context.ports);
  const scale = upscaleScale(source, policy.number('max_size'));
  if (scale === undefined) {
    throw new DarkroomError(
      'bad_request',
      sentence('action.largest_here', {
        size: `${source.width}x${source.height}`,
        limit: largestSide(policy.number('max_size')),
      }),
    );
  }
  const drawn = pictureBaseOf(record.request);
  const seed = seedOfPicture(record.request, index);
  const draft = { ...drawn, image: 'source', upscale_image: { scale }, seed };
  await order(record, draft, { source }, context, 'upscale');
}

/**
 * Drawn again at a larger size: a second pass over the same drawing; where that is impossible, image to image. Where
 * the model's upscaler made the picture, sizes are those of the drawing before it.
 */
export async function redraw(record: JobRecord, context: DrawContext, index: number): Promise<void> {
  const { request } = record;
  const { ports } = context;
  const policy = await Policy.of(context.invocation, ports);
  const defaults = policy.limit((await ports.models.resolve(request.model)).defaults);
  const picture = record.pictures[index] ?? record.pictures[0];
  const enlarged = request.enlarge === true ? (defaults.enlarges ?? 1) : 1;
  const shown = picture ?? { width: request.width * enlarged, height: request.height * enlarged };
  const [width, height] = [shown.width / enlarged, shown.height / enlarged];
  const scale = Math.min(UPSCALE, defaults.maxSize / Math.max(width, height));
  if (scale <= 1) {
    throw new DarkroomError(
      'bad_request',
      sentence('action.largest_of_model', {
        size: `${shown.width}x${shown.height}`,
        limit: defaults.maxSize * enlarged,
      }),
    );
  }
  const same = { ...requestToJson(request), seed: seedOfPicture(request, index), num_images: 1 };
  const isDrawing = request.upscaleImage === undefined;
  if (isDrawing && request.maskImage === undefined && request.hires === undefined) {
    const pictures = await inputsOf(record, context);
    await order(record, { ...same, hires: { scale } }, pictures, context, 'creative');
    return;
  }
  const multiple = defaults.sizeMultiple ?? LIMITS.size.multiple;
  const side = (pixels: number) => Math.floor((pixels * scale) / multiple) * multiple;
  const draft = {
    ...baseOf(request),
    seed: same.seed,
    image: 'source',
    width: side(width),
    height: side(height),
    ...redrawnBy(ENLARGE_STRENGTH, { editsByInstruction: defaults.editsByInstruction === true }),
  };
  const { control } = await inputsOf(record, context);
  const source = await openPicture(pictureOf(record, index), ports);
  await order(record, draft, { source, ...(control && { control }) }, context, 'creative');
}

/** A new picture that takes its edges, pose or lines from this one. */
export async function use(record: JobRecord, context: DrawContext, index: number): Promise<void> {
  const { prompt, control: kind } = formValues(imagine, context);
  const words = await readWords(prompt, 'action.say_use', record, context);
  const model = await context.ports.models.resolve(record.request.model);
  const wanted = requireWords(kind, 'action.choose_control');
  const pose = wanted === 'openpose' ? poseOf(record.request) : undefined;
  if (pose !== undefined) return usePose(record, pose, words, context);
  const control = await openPicture(pictureOf(record, index), context.ports);
  const pictures = { control };
  const parts = draftOfPictures(pictures, { control: wanted }, model);
  const { image: _image, strength: _strength, controls: _controls, ...rest } = baseOf(record.request);
  await order(record, { ...rest, ...parts, ...words }, pictures, context, 'use');
}

/** The pose of the picture is known: nothing need be found in it. */
async function usePose(
  record: JobRecord,
  pose: ControlRequest,
  words: RequestDraft,
  context: DrawContext,
): Promise<void> {
  const { control } = await inputsOf(record, context);
  const { image: _image, strength: _strength, ...rest } = baseOf(record.request);
  const pictures = isNamedPose(pose) || control === undefined ? {} : { control };
  await order(record, { ...rest, controls: [{ ...pose }], ...words }, pictures, context, 'use');
}

/** What the form behind a button was sent with, checked as the options of the command that it stands for. */
function formValues(command: AnyCommand, { invocation }: DrawContext): Readonly<Record<string, unknown>> {
  const { input, platform } = invocation;
  return input.kind === 'action' ? parseValues(command, input.values, platform) : {};
}

/** The words of a form, which may hold flags as a typed line does. */
async function readWords(
  prompt: unknown,
  otherwise: PlainKey,
  { request }: JobRecord,
  { invocation, ports }: DrawContext,
): Promise<RequestDraft> {
  const named = await nameMentions(requireWords(prompt, otherwise), invocation, ports);
  const { values } = readLine(editCommand, named);
  const { defaults } = await ports.models.resolve(request.model);
  return draftOf(parseValues(editCommand, values, invocation.platform), defaults);
}

function requireWords(prompt: unknown, otherwise: PlainKey): string {
  if (typeof prompt === 'string' && prompt.trim() !== '') return prompt;
  throw new DarkroomError('bad_request', sentence(otherwise));
}

/** The picture of the form is a mask; the picture to start from is the button's. */
const masksOf = ({ invocation }: DrawContext) =>
  invocation.attachments.filter(({ option }) => option === 'mask');

/** The pictures that the request started from, by their parts. */
async function inputsOf({ inputs }: JobRecord, { ports }: DrawContext): Promise<Pictures> {
  const opened = Object.entries(inputs).map(
    async ([role, id]) => [role, await openPicture(id, ports)] as const,
  );
  return Object.fromEntries(await Promise.all(opened));
}

async function order(
  record: JobRecord,
  draft: RequestDraft,
  pictures: Pictures,
  { invocation, reply, ports }: DrawContext,
  verb: OriginVerb | undefined,
  notes: readonly Words[] = [],
): Promise<JobRecord> {
  const model = await ports.models.resolve(record.request.model);
  const origin = verb && { verb, record };
  return ports.submit({ invocation, reply, model, draft, pictures, notes, ...(origin && { origin }) });
}
