/** The buttons of a card: `verb:JOB`, so that they work after a restart too. */
import { randomInt } from 'node:crypto';
import { DarkroomError, offerNames } from '../src/errors.ts';
import {
  type ControlKind,
  type GenerationRequest,
  LIMITS,
  type RequestDraft,
  requestToJson,
} from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import type { Context } from './command.ts';
import { undoById } from './config.ts';
import { draftOfPictures, findPictures, type Pictures } from './pictures.ts';
import { showRecipe } from './recipe.ts';

/** How much a variation forgets of its picture: the composition stays, the details are drawn anew. */
const VARY_STRENGTH = 0.6;

/** How much larger an upscaled picture is, where the model can draw that. */
const UPSCALE = 2;
/** How much a larger picture forgets where it cannot be a second pass of the same job. */
const ENLARGE_STRENGTH = 0.35;

/** @param index of the picture that is meant */
type Action = (record: JobRecord, context: Context, index: number) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  reroll,
  vary,
  edit,
  upscale,
  use,
  recipe: showRecipe,
  delete: remove,
  cancel,
};

/** @throws DarkroomError for an unknown button, a job that is gone, or one that is another's */
export async function act(action: string, context: Context): Promise<void> {
  const [verb = '', job = '', place = '1'] = action.split(':');
  if (verb === 'undo') return undoById(job, context);
  const known = Object.hasOwn(ACTIONS, verb) ? ACTIONS[verb] : undefined;
  if (known === undefined) {
    throw new DarkroomError(
      'bad_request',
      `Unknown button ${verb}. ${offerNames(verb, Object.keys(ACTIONS))}`,
    );
  }
  await known(await context.desk.job(job), context, Number(place) - 1);
}

/** The same request with another seed. */
async function reroll(record: JobRecord, context: Context): Promise<void> {
  const draft = { ...requestToJson(record.request), seed: otherSeed(record.request) };
  await order(record, draft, await inputsOf(record, context), context);
}

async function vary(record: JobRecord, context: Context, index: number): Promise<void> {
  const draft = { ...baseOf(record.request), image: 'source', strength: VARY_STRENGTH };
  const { control } = await inputsOf(record, context);
  const source = await context.desk.openSource(pictureOf(record, index));
  await order(record, draft, { source, ...(control && { control }) }, context);
}

/** The form behind the button brings the words; a chat without forms replies to the picture instead. */
async function edit(record: JobRecord, context: Context, index: number): Promise<void> {
  const { prompt, strength, region } = formOfAction(context);
  const { controls: _controls, ...rest } = baseOf(record.request);
  const draft = {
    ...rest,
    prompt: requireWords(prompt, 'Say what the picture should become: reply to it with your words.'),
    image: 'source',
    strength: typeof strength === 'number' ? strength : VARY_STRENGTH,
  };
  const source = await context.desk.openSource(pictureOf(record, index));
  const mask = typeof region === 'string' ? { region } : {};
  const pictures = await findPictures(
    { ...context.invocation, attachments: masksOf(context) },
    mask,
    context.desk,
    source,
  );
  const isMasked = pictures.mask !== undefined;
  await order(
    record,
    { ...draft, ...(isMasked && { mask_image: 'mask', keep_unmasked: true }) },
    pictures,
    context,
  );
}

/** A second pass over the same picture; where that cannot be, the picture itself is drawn over at a larger size. */
async function upscale(record: JobRecord, context: Context, index: number): Promise<void> {
  const { request } = record;
  const { defaults } = await context.desk.ports.models.resolve(request.model);
  const picture = record.pictures[index] ?? record.pictures[0];
  const { width, height } = picture ?? request;
  const scale = Math.min(UPSCALE, defaults.maxSize / Math.max(width, height));
  if (scale <= 1) {
    throw new DarkroomError(
      'bad_request',
      `${width}x${height} is as large as this model draws; its limit is ${defaults.maxSize}.`,
    );
  }
  const again = {
    ...requestToJson(request),
    seed: (request.seed + index) % (LIMITS.seed.max + 1),
    num_images: 1,
  };
  if (request.maskImage === undefined && request.hires === undefined) {
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
  const source = await context.desk.openSource(pictureOf(record, index));
  await order(record, draft, { source, ...(control && { control }) }, context);
}

/** A new picture that takes its edges, pose or lines from this one. */
async function use(record: JobRecord, context: Context, index: number): Promise<void> {
  const { prompt, control: kind } = formOfAction(context);
  const words = requireWords(prompt, 'Say what to draw with the shape of this picture.');
  const model = await context.desk.ports.models.resolve(record.request.model);
  const control = await context.desk.openSource(pictureOf(record, index));
  const pictures = { control };
  const parts = draftOfPictures(pictures, { control: String(kind) as ControlKind }, model);
  const { image: _image, strength: _strength, controls: _controls, ...rest } = baseOf(record.request);
  await order(record, { ...rest, ...parts, prompt: words }, pictures, context);
}

function formOfAction({ invocation: { input } }: Context): Readonly<Record<string, unknown>> {
  return input.kind === 'action' ? input.values : {};
}

function requireWords(prompt: unknown, sentence: string): string {
  if (typeof prompt === 'string' && prompt.trim() !== '') return prompt;
  throw new DarkroomError('bad_request', sentence);
}

/** A form's picture is the mask; the picture itself is the button's. */
const masksOf = ({ invocation }: Context) => invocation.attachments.filter(({ option }) => option === 'mask');

async function remove(record: JobRecord, { invocation, reply, desk }: Context): Promise<void> {
  requireOwnJob(record, invocation.user.id, 'delete');
  await desk.remove(record);
  if (invocation.input.kind === 'action') await reply.delete(invocation.input.message);
}

async function cancel(record: JobRecord, { invocation, desk }: Context): Promise<void> {
  requireOwnJob(record, invocation.user.id, 'cancel');
  await desk.cancel(record);
}

function requireOwnJob({ user: owner }: JobRecord, user: string, verb: string): void {
  if (owner.id === user) return;
  throw new DarkroomError('forbidden', `Only ${owner.name}, who asked for this picture, can ${verb} it.`);
}

/** Never the same seed again: the first picture's would come back as it was. */
const otherSeed = ({ seed }: GenerationRequest) => (seed + randomInt(1, LIMITS.seed.max)) % LIMITS.seed.max;

/** The request as a draft of one picture with another seed, without what belonged to its own starting picture. */
function baseOf(request: GenerationRequest): RequestDraft {
  const {
    image: _image,
    strength: _strength,
    mask_image: _mask,
    mask_blur: _blur,
    keep_unmasked: _keep,
    only_masked_padding: _padding,
    hires: _hires,
    ...draft
  } = requestToJson(request);
  return { ...draft, seed: otherSeed(request), num_images: 1 };
}

/** The pictures that the request started from, by their parts. */
async function inputsOf({ inputs }: JobRecord, { desk }: Context): Promise<Pictures> {
  const opened = Object.entries(inputs).map(async ([role, id]) => [role, await desk.openSource(id)] as const);
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
  { invocation, reply, desk }: Context,
): Promise<void> {
  const model = await desk.ports.models.resolve(record.request.model);
  await desk.accept({ invocation, reply, model, draft, pictures });
}
