/** The buttons of a card: `verb:JOB`, so that they work after a restart too. */
import { randomInt } from 'node:crypto';
import { DarkroomError, offerNames } from '../src/errors.ts';
import { type GenerationRequest, LIMITS, type RequestDraft, requestToJson } from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { layOver } from './base.ts';
import { type AnyCommand, type Context, parseValues } from './command.ts';
import { draftOf } from './draft.ts';
import { edit as editCommand } from './edit.ts';
import { type DrawPorts, imagine } from './imagine.ts';
import { requireJob, requireOwnJob } from './job-access.ts';
import { readLine } from './line.ts';
import { draftOfPictures, findPictures, type Pictures } from './pictures.ts';
import { Policy } from './policy.ts';
import type { Ports } from './ports.ts';
import { showRecipe } from './recipe.ts';
import { removeJob } from './retention.ts';
import { type ConfigPorts, undoById } from './setting-change.ts';
import { openPicture } from './sources.ts';
import { largestSide, UPSCALE, upscaleScale } from './upscaling.ts';

export type ActionPorts = DrawPorts & ConfigPorts & Pick<Ports, 'jobs' | 'queue'>;
type ActionContext = Context<ActionPorts>;

/** Strength of a variation: the composition stays, the details are redrawn. */
const VARY_STRENGTH = 0.6;

/** Strength of an enlargement that cannot be a second pass of the same job. */
const ENLARGE_STRENGTH = 0.35;

const CHOOSE_CONTROL = 'Choose what to take from the picture: its edges, pose, lines or depth.';

/** @param index of the picture that is meant */
type Action = (record: JobRecord, context: ActionContext, index: number) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  reroll,
  vary,
  edit,
  upscale,
  creative: redraw,
  use,
  recipe: showRecipe,
  delete: remove,
  cancel,
};

/** @throws DarkroomError for an unknown button, a job that is gone, or one that is another's */
export async function act(action: string, context: ActionContext): Promise<void> {
  const [verb = '', job = '', picture = '1'] = action.split(':');
  if (verb === 'undo') return undoById(job, context);
  const known = Object.hasOwn(ACTIONS, verb) ? ACTIONS[verb] : undefined;
  if (known === undefined) {
    throw new DarkroomError(
      'bad_request',
      `Unknown button ${verb}. ${offerNames(verb, Object.keys(ACTIONS))}`,
    );
  }
  await known(await requireJob(job, context.invocation, context.ports), context, Number(picture) - 1);
}

/** The same request with another seed. */
async function reroll(record: JobRecord, context: ActionContext): Promise<void> {
  if (record.request.upscaleImage !== undefined) {
    throw new DarkroomError(
      'bad_request',
      'An upscaled picture comes out the same each time. Use Vary, or re-roll the picture before it.',
    );
  }
  const draft = { ...requestToJson(record.request), seed: otherSeed(record.request) };
  await order(record, draft, await inputsOf(record, context), context);
}

async function vary(record: JobRecord, context: ActionContext, index: number): Promise<void> {
  const draft = { ...baseOf(record.request), image: 'source', strength: VARY_STRENGTH };
  const { control } = await inputsOf(record, context);
  const source = await openPicture(pictureOf(record, index), context.ports);
  await order(record, draft, { source, ...(control && { control }) }, context);
}

/** The form behind the button asks for the prompt. */
async function edit(record: JobRecord, context: ActionContext, index: number): Promise<void> {
  const { prompt, strength, region } = formValues(editCommand, context);
  const { controls: _controls, ...rest } = baseOf(record.request);
  const read = await readWords(
    prompt,
    'Describe what the picture should become: reply to it with a prompt.',
    record,
    context,
  );
  const model = await context.ports.models.resolve(record.request.model);
  const laid = layOver(read.prompt, requestToJson(record.request), model);
  const draft = {
    ...rest,
    image: 'source',
    strength: typeof strength === 'number' ? strength : VARY_STRENGTH,
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
    source,
  );
  const isMasked = pictures.mask !== undefined;
  await order(
    record,
    { ...draft, ...(isMasked && { mask_image: 'mask', keep_unmasked: true }) },
    pictures,
    context,
    laid.notes,
  );
}

/** This very picture, larger. */
async function upscale(record: JobRecord, context: ActionContext, index: number): Promise<void> {
  const source = await openPicture(pictureOf(record, index), context.ports);
  const policy = await Policy.of(context.invocation, context.ports);
  const scale = upscaleScale(source, policy.number('max_size'));
  if (scale === undefined) {
    throw new DarkroomError(
      'bad_request',
      `This picture is already ${source.width}x${source.height}; pictures have at most ${largestSide(policy.number('max_size'))} pixels a side here.`,
    );
  }
  // How it was drawn stays with it, for what is made of it next.
  const {
    controls: _c,
    guess_mode: _g,
    enlarge: _e,
    width: _w,
    height: _h,
    ...drawn
  } = baseOf(record.request);
  const seed = seedOf(record.request.seed, index);
  const draft = { ...drawn, image: 'source', upscale_image: { scale }, seed };
  await order(record, draft, { source }, context);
}

/**
 * Drawn again at a larger size: a second pass over the same drawing; where that is impossible, image to image. Where
 * the model's upscaler made the picture, sizes are those of the drawing before it.
 */
async function redraw(record: JobRecord, context: ActionContext, index: number): Promise<void> {
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
      `This picture is already ${shown.width}x${shown.height}; this model draws at most ${defaults.maxSize * enlarged} pixels a side.`,
    );
  }
  const again = { ...requestToJson(request), seed: seedOf(request.seed, index), num_images: 1 };
  const isDrawing = request.upscaleImage === undefined;
  if (isDrawing && request.maskImage === undefined && request.hires === undefined) {
    return order(record, { ...again, hires: { scale } }, await inputsOf(record, context), context);
  }
  const multiple = defaults.sizeMultiple ?? LIMITS.size.multiple;
  const side = (pixels: number) => Math.floor((pixels * scale) / multiple) * multiple;
  const draft = {
    ...baseOf(request),
    seed: again.seed,
    image: 'source',
    width: side(width),
    height: side(height),
    strength: ENLARGE_STRENGTH,
  };
  const { control } = await inputsOf(record, context);
  const source = await openPicture(pictureOf(record, index), ports);
  await order(record, draft, { source, ...(control && { control }) }, context);
}

/** Picture i has the request's seed + i. */
const seedOf = (seed: number, index: number) => (seed + index) % (LIMITS.seed.max + 1);

/** A new picture that takes its edges, pose or lines from this one. */
async function use(record: JobRecord, context: ActionContext, index: number): Promise<void> {
  const { prompt, control: kind } = formValues(imagine, context);
  const words = await readWords(
    prompt,
    'Describe what to draw with the shape of this picture.',
    record,
    context,
  );
  const model = await context.ports.models.resolve(record.request.model);
  const control = await openPicture(pictureOf(record, index), context.ports);
  const pictures = { control };
  const parts = draftOfPictures(pictures, { control: requireWords(kind, CHOOSE_CONTROL) }, model);
  const { image: _image, strength: _strength, controls: _controls, ...rest } = baseOf(record.request);
  await order(record, { ...rest, ...parts, ...words }, pictures, context);
}

/** What the form behind a button was sent with, checked as the options of the command that it stands for. */
function formValues(command: AnyCommand, { invocation }: ActionContext): Readonly<Record<string, unknown>> {
  const { input, platform } = invocation;
  return input.kind === 'action' ? parseValues(command, input.values, platform) : {};
}

/** The words of a form, which may hold flags as a typed line does. */
async function readWords(
  prompt: unknown,
  sentence: string,
  { request }: JobRecord,
  { invocation, ports }: ActionContext,
): Promise<RequestDraft> {
  const { values } = readLine(editCommand, requireWords(prompt, sentence));
  const { defaults } = await ports.models.resolve(request.model);
  return draftOf(parseValues(editCommand, values, invocation.platform), defaults);
}

function requireWords(prompt: unknown, sentence: string): string {
  if (typeof prompt === 'string' && prompt.trim() !== '') return prompt;
  throw new DarkroomError('bad_request', sentence);
}

/** The picture of the form is a mask; the picture to start from is the button's. */
const masksOf = ({ invocation }: ActionContext) =>
  invocation.attachments.filter(({ option }) => option === 'mask');

async function remove(record: JobRecord, { invocation, reply, ports }: ActionContext): Promise<void> {
  await requireOwnJob(record, 'delete', invocation, ports);
  await removeJob(record, ports);
  if (invocation.input.kind === 'action') await reply.delete(invocation.input.message);
}

async function cancel(record: JobRecord, { invocation, ports }: ActionContext): Promise<void> {
  await requireOwnJob(record, 'cancel', invocation, ports);
  if (await ports.queue.cancel(record.id)) return;
  throw new DarkroomError('bad_request', 'That job has already ended.');
}

/** Never the same seed: that would draw the same picture. */
const otherSeed = ({ seed }: GenerationRequest) => (seed + randomInt(1, LIMITS.seed.max)) % LIMITS.seed.max;

/** The request as a draft of one picture with another seed, without what belonged to its own source. */
function baseOf(request: GenerationRequest): RequestDraft {
  const {
    image: _image,
    strength: _strength,
    mask_image: _mask,
    mask_blur: _blur,
    keep_unmasked: _keep,
    only_masked_padding: _padding,
    hires: _hires,
    upscale_image: upscaled,
    ...draft
  } = requestToJson(request);
  // Its width and height are those of its tiles.
  const { width: _width, height: _height, ...sizeless } = draft;
  return {
    ...(upscaled === undefined ? draft : sizeless),
    ...{ prompt: request.prompt, seed: otherSeed(request), num_images: 1 },
  };
}

/** The pictures that the request started from, by their parts. */
async function inputsOf({ inputs }: JobRecord, { ports }: ActionContext): Promise<Pictures> {
  const opened = Object.entries(inputs).map(
    async ([role, id]) => [role, await openPicture(id, ports)] as const,
  );
  return Object.fromEntries(await Promise.all(opened));
}

function pictureOf({ pictures }: JobRecord, index: number): string {
  const picture = pictures[index];
  if (picture !== undefined) return picture.id;
  throw new DarkroomError(
    'bad_request',
    pictures.length === 0
      ? 'That message has no picture yet. Wait for it, or choose another one.'
      : `That message has ${pictures.length} pictures. Choose one of them.`,
  );
}

async function order(
  record: JobRecord,
  draft: RequestDraft,
  pictures: Pictures,
  { invocation, reply, ports }: ActionContext,
  notes: readonly string[] = [],
): Promise<void> {
  const model = await ports.models.resolve(record.request.model);
  await ports.submit({ invocation, reply, model, draft, pictures, notes });
}
