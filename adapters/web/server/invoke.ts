/** From a call of the HTTP API to the commands, and back to the first answer. */
import type { Handle, Invocation, Where } from '../../adapter.ts';
import type { Conversation } from '../conversation/conversation.ts';
import type { MessageRecord } from '../conversation/message.ts';
import { type Request as ChatRequest, WebReply } from '../conversation/reply.ts';
import type { Call } from './call.ts';
import { localeOfCall } from './language.ts';
import type { Metrics } from './metrics.ts';

/** The whole chat is one channel. */
export const WHERE = {
  tenant: 'web',
  channel: 'web',
  roles: [],
  isAgeRestricted: false,
} as const satisfies Omit<Where, 'isAdmin'>;

export type Invoke = (
  c: Call,
  invocation: Pick<Invocation, 'input' | 'attachments' | 'repliedTo'>,
  request: Omit<ChatRequest, 'user'>,
  refreshed?: MessageRecord,
) => Promise<Awaited<WebReply['first']> | Record<string, never>>;

interface Parts {
  readonly handle: Handle;
  readonly conversation: Conversation;
  readonly metrics: Metrics;
  /** Called with errors that are not the user's. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Passes an invocation to the commands and waits for the first answer, not for the end of the job. */
export const createInvoke =
  ({ handle, conversation, metrics, onError }: Parts): Invoke =>
  async (c, invocation, request, refreshed) => {
    const { user, quotaGroup, role } = c.get('sender');
    const reply = new WebReply(conversation, { ...request, user }, undefined, refreshed);
    const whole = {
      ...invocation,
      user,
      id: conversation.newId(),
      platform: 'web',
      channel: 'web',
      where: {
        ...WHERE,
        isAdmin: role !== 'member',
        locale: localeOfCall(c),
        ...zoneOfCall(c),
        ...(quotaGroup !== undefined && { quotaGroup }),
      },
    } as const;
    const end = handle(whole, reply).then(() => ({}));
    end.catch((error) => onError?.(error));
    const answer = await Promise.race([reply.first, end]);
    countEnd(reply.first, conversation, end, metrics);
    return answer;
  };

/** The reader's time zone as their browser says it; what is none says nothing. */
function zoneOfCall(c: Call): { readonly zone?: string } {
  const zone = c.req.header('darkroom-zone') ?? '';
  if (!/^[\w+/-]{1,64}$/.test(zone)) return {};
  try {
    return { zone: new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone };
  } catch {
    return {};
  }
}

/** Counts a job when it has ended. */
function countEnd(
  first: WebReply['first'],
  conversation: Conversation,
  end: Promise<unknown>,
  metrics: Metrics,
): void {
  Promise.all([first, end])
    .then(async ([{ job }]) => {
      const ended = job && (await conversation.ofJob(job.id))?.job;
      if (ended === undefined) return;
      metrics.add('darkroom_jobs_total', 1, `state="${ended.state}"`);
      metrics.add('darkroom_job_seconds_total', ended.seconds ?? 0);
    })
    .catch(() => undefined); // refused, and counted as a refusal
}
