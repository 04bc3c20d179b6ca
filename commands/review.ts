/** Pictures that wait for a reviewer: /review, the cards of the review channel, and their buttons. */
import { ABOUT_CHARACTERS, type Card, type CardAction } from '../adapters/card.ts';
import { clip } from '../adapters/clip.ts';
import { type Platform, traitsOf } from '../adapters/platforms.ts';
import { markTime } from '../adapters/times.ts';
import { DarkroomError, describeError } from '../src/errors.ts';
import { type Say, sayIn, sentence } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import type { Review, ReviewStore, Verdict } from '../src/store/reviews.ts';
import { type Context, defineCommand } from './command.ts';
import { Policy, tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';
import { type ConfigPorts, changeSetting, logToChannel } from './setting-change.ts';
import { timeWords } from './times.ts';

type ReviewPorts = ConfigPorts &
  Pick<Ports, 'jobs' | 'replace' | 'findPosted'> & { readonly reviews: ReviewStore };

/** Decisions that `/review history` shows. */
const HISTORY = 15;
const VERBS = ['approve', 'reject', 'ban'] as const;
type Verb = (typeof VERBS)[number];

export const isReviewVerb = (verb: string): verb is Verb => (VERBS as readonly string[]).includes(verb);

/** No number: that would be one of several pictures. */
const actionOf = (verb: Verb, job: string, isListed = false) => `${verb}:${job}${isListed ? ':listed' : ''}`;

/** What a reviewer decides about. @param isListed whether /review shows it, one after another */
function reviewCard(
  record: JobRecord,
  { pictures, at }: Review,
  say: Say,
  when = markTime,
  isListed = false,
): Card {
  const { id, request, user } = record;
  const found = pictures.flatMap(({ finding }, i) =>
    finding?.isFlagged === false
      ? []
      : finding === undefined
        ? say('review.unchecked', { number: i + 1 })
        : say('review.finding', { number: i + 1, label: finding.label, score: String(finding.score) }),
  );
  const prompts = [...new Set((request.pictureWords ?? []).map((words) => words.prompt ?? request.prompt))];
  const action = (verb: Verb, style: 'primary' | 'danger'): CardAction => ({
    id: actionOf(verb, id, isListed),
    label: say(`button.${verb}`),
    style,
  });
  return {
    locale: say.locale,
    text: say('review.waiting', { count: pictures.length, name: user.name, at: when(at) }),
    pictures: pictures.map(({ id: picture, width, height }, i) => ({
      ...{ id: picture, width, height, isSpoiler: false },
      alt:
        pictures.length === 1
          ? say('review.one_picture')
          : say('review.picture', { number: i + 1, count: pictures.length }),
    })),
    fields: [
      { name: say('review.prompt'), value: prompts.length > 1 ? prompts.join('\n') : request.prompt },
      ...(request.negativePrompt ? [{ name: say('review.negative'), value: request.negativePrompt }] : []),
      { name: say('review.found'), value: found.join('\n') },
    ],
    actions: [action('approve', 'primary'), action('reject', 'danger'), action('ban', 'danger')],
  };
}

/** Tenants whose admins were told lately that their review channel is gone, and when. */
const told = new Map<string, number>();
const TOLD_MS = 3_600_000;

/**
 * Shows a job whose pictures wait in its tenant's review channel. Where there is none, or it cannot be reached, they wait
 * in /review all the same.
 */
export async function postForReview(
  record: JobRecord,
  ports: Pick<ReviewPorts, 'reviews' | 'settings' | 'post' | 'findPosted' | 'onError'>,
): Promise<void> {
  const { reviews, settings, post, onError } = ports;
  const platform = record.platform as Platform;
  const tenant = record.share?.tenant;
  const review = await reviews.get(record.id);
  if (tenant === undefined || review?.state !== 'held' || !traitsOf(platform).capabilities.channels) return;
  const rules = await settings.rules(tenant);
  const channel = rules.find(({ key }) => key === 'review_channel')?.value;
  if (channel === undefined) return;
  // As the card of the job: in the language of whoever asked for it.
  const say = sayIn(record.frame?.locale ?? 'en');
  try {
    await postOnce({ job: record.id, platform, tenant, channel: String(channel) }, ports, () =>
      reviewCard(record, review, say),
    );
  } catch (error) {
    // What is no plain refusal of the platform is for the operator too.
    if (!(error instanceof DarkroomError)) onError?.(error);
    if (Date.now() - (told.get(tenant) ?? 0) < TOLD_MS) return;
    told.set(tenant, Date.now());
    const text = say('review.channel_gone', { channel: String(channel) });
    await logToChannel({ platform, tenant }, text, { settings, post, onError: onError ?? (() => {}) });
  }
}

/**
 * Posts a job's message to a review channel and notes where it is. Where the program ended in between, the message is looked
 * for before another one is posted.
 * @throws what the platform refuses
 */
async function postOnce(
  at: {
    readonly job: string;
    readonly platform: Platform;
    readonly tenant: string;
    readonly channel: string;
  },
  { reviews, post, findPosted }: Pick<ReviewPorts, 'reviews' | 'post' | 'findPosted'>,
  card: () => Card,
): Promise<void> {
  const { job, platform, tenant } = at;
  const begun = await reviews.beginMessage(at);
  if (begun === undefined) return;
  const { pending, isAgain } = begun;
  const before = isAgain
    ? await findPosted(platform, { ...pending, action: actionOf('approve', job) })
    : undefined;
  try {
    const posted = before ?? (await post(platform, tenant, at.channel, card()));
    if (posted === undefined) await reviews.messageSettled(pending.number);
    else await reviews.noteMessage({ ...posted, job, platform }, pending.number);
  } catch (error) {
    // Refused, so that there is none; after other errors there may be one.
    if (error instanceof DarkroomError) await reviews.messageSettled(pending.number);
    throw error;
  }
}

/**
 * Messages that still show pictures to reviewers, and no longer should: what was decided comes in their place; they go
 * where the pictures were deleted, or have expired.
 * @param only those of one job, and what they say
 */
export async function settleReviews(
  platforms: readonly Platform[],
  {
    reviews,
    jobs,
    replace,
    findPosted,
    onError,
  }: Pick<ReviewPorts, 'reviews' | 'jobs' | 'replace' | 'findPosted' | 'onError'>,
  only?: { readonly job: string; readonly text: string },
): Promise<void> {
  for (const { number, job, pending, ...noted } of await reviews.takeSettled(platforms, only?.job)) {
    const text = only?.text ?? (await decisionOn(job, { reviews, jobs }));
    const platform = noted.platform as Platform;
    try {
      const posted =
        pending === undefined
          ? noted
          : await findPosted(platform, { ...pending, action: actionOf('approve', job) });
      if (posted !== undefined) await replace(platform, posted, text === undefined ? undefined : { text });
      await reviews.messageSettled(number);
    } catch (error) {
      // Tried again in half a minute.
      onError?.(error);
    }
  }
}

/** @returns undefined where nobody has decided */
async function decisionOn(
  job: string,
  { reviews, jobs }: Pick<ReviewPorts, 'reviews' | 'jobs'>,
): Promise<string | undefined> {
  const review = await reviews.get(job);
  const record = await jobs.get(job);
  return review && decisionOf(review, record, sayIn(record?.frame?.locale ?? 'en'));
}

const VERDICTS = { approve: 'approved', reject: 'rejected', ban: 'banned' } as const satisfies Record<
  Verb,
  Verdict
>;

const decisionOf = ({ state, decided }: Review, record: JobRecord | undefined, say: Say): string =>
  say(`review.done.${VERBS.find((verb) => VERDICTS[verb] === state) ?? 'reject'}`, {
    reviewer: decided?.by ?? '',
    name: record?.user.name ?? say('review.deleted_job'),
  });

/** @throws DarkroomError('forbidden') by the roles that whoever asks has now */
async function requireReviewer(context: Context<ReviewPorts>): Promise<void> {
  const { invocation, ports } = context;
  if ((await Policy.of(invocation, ports)).isReviewer()) return;
  throw new DarkroomError('forbidden', sentence('review.only_reviewers'));
}

/** One of the buttons of a review card. @param isListed whether the next one follows */
export async function decide(
  verb: Verb,
  job: string,
  isListed: boolean,
  context: Context<ReviewPorts>,
): Promise<void> {
  const { invocation, reply, say, ports } = context;
  await requireReviewer(context);
  const tenant = tenantOf(invocation);
  const review = await ports.reviews.get(job);
  const record = await ports.jobs.get(job);
  if (review === undefined || record === undefined || review.tenant !== tenant)
    throw new DarkroomError('not_found', sentence('review.gone'));
  const { user } = record;
  if (review.state === 'held' && verb === 'ban' && !(await isBanned(user.id, tenant, ports)))
    await changeSetting(context, { key: 'banned', scope: 'user', target: user.id, after: true });
  const several = record.request.numImages > 1;
  const error = describeError(
    new DarkroomError('forbidden', sentence(several ? 'review.not_approved_several' : 'review.not_approved')),
  );
  if (!(await ports.reviews.decide(job, VERDICTS[verb], invocation.user, error))) {
    const by = (await ports.reviews.get(job))?.decided?.by ?? '';
    throw new DarkroomError('bad_request', sentence('review.decided_already', { name: by }));
  }
  const line = say(`review.done.${verb}`, { reviewer: invocation.user.name, name: user.name });
  const { platform } = invocation;
  await logToChannel({ platform, tenant }, line, ports);
  if (isListed) await showNext(context, line);
  else {
    if (invocation.input.kind === 'action') await reply.take(invocation.input.message);
    await reply.post({ text: line });
  }
  // The others, and the files of this one.
  await settleReviews([platform], ports, { job, text: line });
}

async function isBanned(user: string, tenant: string, { settings }: ReviewPorts): Promise<boolean> {
  const rules = await settings.rules(tenant);
  return rules.some(
    ({ key, scope, target, value }) =>
      key === 'banned' && scope === 'user' && target === user && value === true,
  );
}

/** The one that has waited longest, as only its reader sees it. @param before what has just been done */
async function showNext(
  { invocation, reply, say, ports }: Context<ReviewPorts>,
  before?: string,
): Promise<void> {
  const tenant = tenantOf(invocation);
  const [next] = await ports.reviews.held(tenant, 1);
  const record = next && (await ports.jobs.get(next.job));
  const notes = before === undefined ? [] : [before];
  if (next === undefined || record === undefined)
    return void (await reply.postEphemeral({ text: say('review.none'), notes }));
  const count = await ports.reviews.countHeld(tenant);
  const card = reviewCard(record, next, say, (at) => timeWords(at, { invocation, say }), true);
  const posted = await reply.postEphemeral({ ...card, notes: [...notes, say('review.count', { count })] });
  if (posted === undefined) return;
  await ports.reviews.noteMessage({ ...posted, job: next.job, platform: invocation.platform });
}

export const review = defineCommand({
  name: 'review',
  isForAdmins: true,
  description: 'describe.review',
  options: {
    show: {
      type: 'choice',
      choices: ['waiting', 'history'],
      description: 'describe.review.show',
      example: 'history',
    },
  },
  examples: ['/review', '/review history'],
  async run({ show = 'waiting' }, context: Context<ReviewPorts>) {
    await requireReviewer(context);
    if (show === 'waiting') return await showNext(context);
    const { invocation, reply, say, ports } = context;
    const decided = await ports.reviews.decided(tenantOf(invocation), HISTORY);
    const fields = await Promise.all(
      decided.map(async (one) => {
        const record = await ports.jobs.get(one.job);
        const decision = decisionOf(one, record, say);
        const prompt = record && clip(record.request.prompt, ABOUT_CHARACTERS);
        return {
          name: timeWords(one.decided?.at ?? 0, { invocation, say }),
          value: prompt === undefined ? decision : say('review.decided_about', { decision, prompt }),
        };
      }),
    );
    await reply.postEphemeral({
      text: say(fields.length === 0 ? 'review.no_history' : 'review.history'),
      fields,
    });
  },
});
