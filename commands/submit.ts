/** Accepts jobs: checks what a user may request, stores the uploads, and hands the job to the queue. */
import { randomUUID } from 'node:crypto';
import type { Invocation, Reply } from '../adapters/adapter.ts';
import type { CardPicture } from '../adapters/card.ts';
import { drawWords, together } from '../src/choices/choices.ts';
import { DarkroomError } from '../src/errors.ts';
import type { Moderation } from '../src/job.ts';
import { isHiddenUntilOpened } from '../src/moderation/hidden.ts';
import {
  freezeRequest,
  type GenerationRequest,
  lorasOf,
  noteTriggers,
  type RequestDraft,
  upscalerFilesOf,
} from '../src/request.ts';
import { localeOf, type PlainKey, sayIn, sentence, type Words } from '../src/sentences.ts';
import type { FullForm, JobFrame, JobRecord, OriginVerb } from '../src/store/jobs.ts';
import { requireLicences } from './licences.ts';
import { Policy, tenantOf } from './policy.ts';
import type { ModelFile, ModelInfo, Ports } from './ports.ts';
import { requirePromptRules } from './prompt-rules.ts';
import type { PictureRole, Source } from './sources.ts';
import { describeUntaught } from './untaught.ts';
import { wildcardsOf } from './wildcards.ts';

export interface Order {
  readonly invocation: Invocation;
  readonly reply: Reply;
  readonly model: ModelInfo;
  /** Its pictures are referred to by their roles. */
  readonly draft: RequestDraft;
  readonly pictures?: Partial<Readonly<Record<PictureRole, Source>>>;
  /** Sentences about how the request was read. */
  readonly notes?: readonly Words[];
  /** Of a draft: what makes the picture full. */
  readonly finish?: FullForm;
  /** What it is made from, where that is a picture: one of ours has a record. */
  readonly origin?: {
    readonly verb: OriginVerb;
    readonly record?: JobRecord;
    /** How many pictures the record has, where nobody said which one is meant. */
    readonly of?: number;
  };
}

export interface Submit {
  /**
   * Whether a request like this would be accepted now. Call it before pictures are fetched for it.
   * @param draft without its pictures
   * @throws DarkroomError for a user who may not request pictures here, or who has reached a cap
   */
  precheck(order: Omit<Order, 'reply' | 'pictures'>): Promise<void>;
  /**
   * Accepts an order and follows its job to its end.
   * @returns the job as it was accepted
   * @throws DarkroomError before anything is posted: the order was refused, and nothing of it is stored
   */
  submit(order: Order): Promise<JobRecord>;
  /**
   * An order as a job, which is neither stored nor accepted yet: for a sweep, which has many.
   * @param room asked before what takes longer is checked
   * @throws DarkroomError as submit()
   */
  prepare(order: Omit<Order, 'reply'>, room: (job: RoomFor) => Promise<void>): Promise<Prepared>;
  /** Stores the uploads of a job. */
  keepUploads(prepared: Prepared): Promise<JobRecord>;
}

type RoomFor = Parameters<Ports['queue']['requireRoom']>[0];

export interface Prepared {
  readonly record: JobRecord;
  /** Whether what was uploaded came with a reply to a hidden picture. */
  readonly isOfHidden: boolean;
  readonly sources: readonly (readonly [PictureRole, Source])[];
}

/** Alternative texts of uploads: a file's own name may say who or what it shows, and everybody can read it. */
const ALT = {
  source: 'draw.uploaded_picture',
  mask: 'draw.uploaded_mask',
  control: 'draw.uploaded_control',
  reference_2: 'draw.uploaded_picture',
  reference_3: 'draw.uploaded_picture',
  reference_4: 'draw.uploaded_picture',
} as const satisfies Readonly<Record<PictureRole, PlainKey>>;

type SubmitPorts = Pick<
  Ports,
  | 'queue'
  | 'jobs'
  | 'models'
  | 'settings'
  | 'wildcards'
  | 'admins'
  | 'pictures'
  | 'takenFromPhotos'
  | 'hasClassifier'
>;

/** @param follow posts the job's states to its reply, to the end */
export function createSubmit(
  ports: SubmitPorts,
  follow: (record: JobRecord, reply: Reply) => Promise<void>,
): Submit {
  const { queue, models, pictures: store } = ports;

  /** In the engine's own words, so that its note at the end is not a second one. */
  async function describeUnread({ model, prompt, promptSyntax }: GenerationRequest): Promise<Words[]> {
    const words = await models.describeUnread(model, prompt, promptSyntax);
    return words === '' ? [] : [words];
  }

  /** A picture of the store stays with its own job; an upload belongs to the new one from here on. */
  async function keep(
    role: PictureRole,
    { from, bytes, width, height, key }: Source,
    { record: { id: job, frame }, isOfHidden }: Prepared,
  ): Promise<CardPicture> {
    const say = sayIn(frame?.locale ?? 'en');
    // A copy of a hidden picture stays hidden, and so does what somebody has made of one.
    const isSpoiler = isOfHidden || (key !== undefined && (await ports.jobs.isHiddenCopy(key)));
    const shown = { width, height, isSpoiler };
    if ('id' in from) return { ...shown, id: from.id, alt: '' };
    return { ...shown, id: await store.put(bytes, { job, kind: 'input' }), alt: say(ALT[role]) };
  }

  async function keepUploads(prepared: Prepared): Promise<JobRecord> {
    const { record, sources } = prepared;
    const kept = await Promise.all(
      sources.map(async ([role, source]) => ({
        role,
        source,
        picture: await keep(role, source, prepared),
      })),
    );
    const uploads = kept.flatMap(({ source, picture: { isSpoiler, ...picture } }) =>
      'name' in source.from ? [{ ...picture, ...(isSpoiler && { isSpoiler }) }] : [],
    );
    return {
      ...record,
      inputs: Object.fromEntries(kept.map(({ role, picture }) => [role, picture.id])),
      frame: { ...record.frame, ...(uploads.length > 0 && { inputs: uploads }) },
    };
  }

  /** Stores the uploads of a job, and only then the job: it must find them whenever it runs. */
  async function accept(prepared: Prepared): Promise<JobRecord> {
    try {
      const whole = await keepUploads(prepared);
      await queue.submit(whole);
      return whole;
    } catch (error) {
      await store.removeOf(prepared.record.id);
      throw error;
    }
  }

  const orders: Submit = {
    async precheck({ invocation, model, draft }) {
      const policy = await Policy.of(invocation, ports);
      policy.requireEntry();
      const { request } = freezeRequest(costOf(draft), { model: model.name, defaults: model.defaults });
      await requireLicences(request, tenantOf(invocation), ports);
      await queue.requireRoom({ user: invocation.user, request, ...shareOf(policy, invocation) });
    },

    async prepare(
      { invocation, model, draft: typed, pictures = {}, notes: read = [], origin, finish },
      room,
    ) {
      const policy = await Policy.of(invocation, ports);
      policy.requireEntry();
      const { source } = pictures;
      const defaults = policy.withPictureRules(model.defaults);
      const lists = [wildcardsOf(ports.settings, tenantOf(invocation)), ports.wildcards];
      const { draft: drawn, notes: chosen } = await drawWords(typed, together(lists));
      const { controls = [] } = drawn;
      const followed = await models.chooseControlnets(model.name, controls);
      const whole = controls.length === 0 ? drawn : { ...drawn, controls: [...followed.controls] };
      const { request, notes } = freezeRequest(whole, {
        model: model.name,
        defaults,
        loras: await models.findLoras(lorasOf(drawn).loras),
        upscalers: await models.findUpscalers(upscalersOf(drawn, defaults)),
        ...(source && { imageSize: source }),
      });
      policy.requireAllowed(request);
      await requireLicences(
        request,
        tenantOf(invocation),
        ports,
        (reference) => Object.entries(pictures).find(([role]) => role === reference)?.[1].bytes,
      );
      await requirePromptRules(request, policy, {
        settings: ports.settings,
        tenant: tenantOf(invocation),
      });
      const moderation = requireChecked(policy, model, ports);
      const { user, platform, channel } = invocation;
      const share = shareOf(policy, invocation);
      await room({ user, request, ...share });
      if (request.vae !== undefined) await models.requireVae?.(model.name, request.vae);
      await models.requireMemory?.(request, moderation !== undefined);
      const sources = Object.entries(pictures) as [PictureRole, Source][];
      const maxSize = policy.number('max_size');
      const locale = localeOf(invocation.where.locale);
      const isOfHidden = await showsHidden(invocation, ports);
      return {
        isOfHidden,
        record: {
          id: randomUUID(),
          at: Date.now(),
          ...{ user, platform, channel, request, inputs: {}, state: 'queued', pictures: [], ...share },
          notes: [
            ...read,
            ...chosen,
            ...sources.flatMap(([, one]) => one.notes),
            ...(await describeUnread(request)),
            ...describeUntaught(request.prompt, model),
            ...followed.notes,
            ...noteTriggers(request, triggersIn(models.files())),
            ...notes,
          ],
          frame: {
            ...(locale !== 'en' && { locale }),
            ...(policy.value('result_visibility') === 'private' && { isPrivate: true }),
            uses: ports.takenFromPhotos().filter((kind) => model.controls.includes(kind)),
            ...(maxSize !== undefined && { maxSize }),
            ...(origin && originOf(origin, pictures)),
            ...(finish && { finish }),
            ...(moderation !== undefined && { moderation }),
            ...(policy.isOn('mention_when_done') && { isMentioned: true }),
            ...(policy.isOn('thread_per_request') && { thread: request.prompt }),
          },
        },
        sources,
      };
    },

    keepUploads,

    async submit({ reply, ...order }) {
      const prepared = await orders.prepare(order, (job) => queue.requireRoom(job));
      const record = await accept(prepared);
      await follow(record, reply);
      return record;
    },
  };
  return orders;
}

/**
 * How the pictures of a request are checked; undefined where they are not.
 * @throws DarkroomError('forbidden') where they should be and cannot: nothing is drawn that nobody can check
 */
export function requireChecked(
  policy: Policy,
  { name, hasSafetyChecker }: ModelInfo,
  { hasClassifier }: Pick<Ports, 'hasClassifier'>,
): Moderation | undefined {
  const moderation = policy.text('moderation');
  if (moderation === undefined || moderation === 'off') return undefined;
  if (hasClassifier === true || hasSafetyChecker === true) return moderation as Moderation;
  throw new DarkroomError('forbidden', sentence('moderation.no_checker', { model: name }));
}

/** Trigger words by the name of a LoRA. */
const triggersIn = (files: readonly ModelFile[]) => (name: string) =>
  files.find((file) => file.kind === 'lora' && file.name === name)?.triggerWords ?? [];

/** The files that may enlarge: those that the draft names, and the admin's where it names none. */
function upscalersOf(draft: RequestDraft, { enlarges, upscaler }: ModelInfo['defaults']): string[] {
  const asked = upscalerFilesOf(draft);
  if (draft.upscale_image === undefined || enlarges !== undefined || asked.length > 0) return asked;
  return upscalerFilesOf({ ...(upscaler !== undefined && { upscaler }) });
}

/** Whether the message that was replied to shows a hidden picture. */
async function showsHidden({ repliedTo }: Invocation, { jobs }: Pick<SubmitPorts, 'jobs'>): Promise<boolean> {
  const [id] = repliedTo?.pictureIds ?? [];
  const record = id === undefined ? undefined : await jobs.ofPicture(id);
  const hidden = (record?.pictures ?? []).filter(({ finding }) =>
    isHiddenUntilOpened(record?.frame?.moderation, finding),
  );
  return hidden.some((one) => repliedTo?.pictureIds.includes(one.id));
}

function originOf(
  { verb, record, of }: NonNullable<Order['origin']>,
  { source, control }: NonNullable<Order['pictures']>,
): Pick<JobFrame, 'origin' | 'told'> {
  const told = [...(record?.frame?.told ?? []), ...(record?.notes ?? [])];
  const from = (source ?? control)?.from;
  const id = from !== undefined && 'id' in from ? from.id : undefined;
  const made = record?.pictures ?? [];
  const number = made.length > 1 ? made.findIndex((picture) => picture.id === id) + 1 : 0;
  return {
    origin: {
      verb,
      ...(record && { job: record.id }),
      ...(number > 0 && { picture: number }),
      ...(of !== undefined && { of }),
    },
    ...(told.length > 0 && { told }),
  };
}

/** What of a draft decides what it costs; the rest depends on pictures that are not known yet. */
function costOf({ width, height, ...draft }: RequestDraft): RequestDraft {
  const { num_inference_steps, num_images, guidance_scale, sampler, strength } = draft;
  return {
    // Choices in the prompt are not drawn yet.
    ...{ prompt: '', image: 'source' },
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(num_inference_steps !== undefined && { num_inference_steps }),
    ...(num_images !== undefined && { num_images }),
    ...(guidance_scale !== undefined && { guidance_scale }),
    ...(sampler !== undefined && { sampler }),
    // A mask or a control may come with it, which need all steps.
    strength: strength ?? 1,
  };
}

const shareOf = (policy: Policy, { where }: Invocation) =>
  where.tenant === undefined ? {} : { share: policy.share(where.tenant) };
