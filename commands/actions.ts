/** The buttons of a card: `verb:JOB`, so that they work after a restart too. */
import { randomInt } from 'node:crypto';
import { DarkroomError, offerNames } from '../src/errors.ts';
import { type GenerationRequest, LIMITS, type RequestDraft, requestToJson } from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import type { Context } from './command.ts';
import { undoById } from './config.ts';
import type { Source } from './desk.ts';
import { showRecipe } from './recipe.ts';

/** How much a variation forgets of its picture: the composition stays, the details are drawn anew. */
const VARY_STRENGTH = 0.6;

type Action = (record: JobRecord, context: Context) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  reroll,
  vary,
  edit,
  recipe: showRecipe,
  delete: remove,
  cancel,
};

/** @throws DarkroomError for an unknown button, a job that is gone, or one that is another's */
export async function act(action: string, context: Context): Promise<void> {
  const [verb = '', job = ''] = action.split(':');
  if (verb === 'undo') return undoById(job, context);
  const known = Object.hasOwn(ACTIONS, verb) ? ACTIONS[verb] : undefined;
  if (known === undefined) {
    throw new DarkroomError(
      'bad_request',
      `Unknown button ${verb}. ${offerNames(verb, Object.keys(ACTIONS))}`,
    );
  }
  await known(await context.desk.job(job), context);
}

/** The same request with another seed. */
async function reroll(record: JobRecord, context: Context): Promise<void> {
  const source = record.inputs['source'];
  await order(record, draftOf(record.request), source && (await context.desk.openSource(source)), context);
}

async function vary(record: JobRecord, context: Context): Promise<void> {
  const draft = { ...draftOf(record.request), num_images: 1, strength: VARY_STRENGTH };
  await order(record, draft, await context.desk.openSource(pictureOf(record)), context);
}

/** The form behind the button brings the words; a chat without forms replies to the picture instead. */
async function edit(record: JobRecord, context: Context): Promise<void> {
  const { input } = context.invocation;
  const { prompt, strength } = input.kind === 'action' ? input.values : {};
  if (typeof prompt !== 'string' || prompt.trim() === '') {
    throw new DarkroomError(
      'bad_request',
      'Say what the picture should become: reply to it with your words.',
    );
  }
  const { strength: _own, ...rest } = draftOf(record.request);
  const draft = { ...rest, prompt, num_images: 1, ...(typeof strength === 'number' && { strength }) };
  await order(record, draft, await context.desk.openSource(pictureOf(record)), context);
}

async function remove(record: JobRecord, { invocation, reply, desk }: Context): Promise<void> {
  demandOwner(record, invocation.user.id, 'delete');
  await desk.remove(record);
  if (invocation.input.kind === 'action') await reply.remove(invocation.input.message);
}

async function cancel(record: JobRecord, { invocation, desk }: Context): Promise<void> {
  demandOwner(record, invocation.user.id, 'cancel');
  await desk.cancel(record);
}

function demandOwner({ owner }: JobRecord, user: string, verb: string): void {
  if (owner.id === user) return;
  throw new DarkroomError('forbidden', `Only ${owner.name}, who asked for this picture, can ${verb} it.`);
}

/** The request as a draft whose seed is drawn anew and whose picture is given beside it. */
function draftOf(request: GenerationRequest): RequestDraft {
  const { image: _image, seed: _seed, ...draft } = requestToJson(request);
  // Never the same seed again: the first picture's would come back as it was.
  return { ...draft, seed: (request.seed + randomInt(1, LIMITS.seed.max)) % LIMITS.seed.max };
}

function pictureOf({ pictures }: JobRecord): string {
  const [first] = pictures;
  if (first !== undefined) return first.id;
  throw new DarkroomError(
    'bad_request',
    'That message has no picture yet. Wait for it, or choose another one.',
  );
}

async function order(
  record: JobRecord,
  draft: RequestDraft,
  source: Source | '' | undefined,
  { invocation, reply, desk }: Context,
): Promise<void> {
  const model = await desk.ports.models.resolve(record.request.model);
  await desk.accept({ invocation, reply, model, draft, ...(source && { pictures: { source } }) });
}
