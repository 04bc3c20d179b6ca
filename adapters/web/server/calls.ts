/** The calls of the HTTP API, see docs/interfaces.md: messages, events, actions, jobs and pictures. */
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import { DarkroomError } from '../../../src/errors.ts';
import { type Locale, sentence } from '../../../src/sentences.ts';
import type { Handle, Invocation, Where } from '../../adapter.ts';
import type { Conversation } from '../conversation/conversation.ts';
import type { EventHub } from '../conversation/event-hub.ts';
import { isMessageId, type MessageRecord } from '../conversation/message.ts';
import { type Request as ChatRequest, WebReply } from '../conversation/reply.ts';
import { HISTORY_PAGE, MAX_HISTORY_PAGE } from '../page/shared.js';
import type { AccessOptions } from './access.ts';
import type { Sender } from './admission.ts';
import { OpenBodies, readBody } from './body.ts';
import { type MessageForm, readAction, readMessageForm } from './form.ts';
import { localeOfCall } from './language.ts';
import type { WebLimits } from './limits.ts';
import type { Metrics } from './metrics.ts';
import { findOwnAddress } from './own-address.ts';
import { pictureType } from './page-files.ts';
import { RateLimit } from './rate-limit.ts';
import { HttpRefusal } from './refusal.ts';

export interface CallOptions extends Pick<AccessOptions, 'publicUrl'> {
  readonly handle: Handle;
  readonly pictures: { get(id: string): Promise<Uint8Array | undefined> };
  /** Whether a picture waits for a reviewer; only admins see it then. */
  isHeld(picture: string): Promise<boolean>;
  /** Users who are admins everywhere. */
  readonly admins?: readonly string[];
  /** A file as it would be stored, see commands/ports.ts. */
  readUpload(
    bytes: Uint8Array,
    use: 'control',
  ): Promise<{ readonly bytes: Uint8Array; readonly isPose?: boolean }>;
  /** What an option of a command can be completed to, with a word on each value. */
  complete(
    asked: {
      readonly command: string;
      readonly option: string;
      readonly typed: string;
      readonly user: string;
      readonly tenant: string;
    },
    locale: Locale,
  ): Promise<readonly { readonly value: string; readonly note?: string }[]>;
  /** Called with errors that are not the user's. */
  readonly onError?: (error: unknown) => void;
}

export type Env = { Bindings: HttpBindings; Variables: { sender: Sender } };
export type Call = Context<Env>;

interface Parts {
  readonly conversation: Conversation;
  readonly hub: EventHub;
  readonly metrics: Metrics;
  readonly limits: WebLimits;
}

/** The whole chat is one channel. */
const WHERE = {
  tenant: 'web',
  channel: 'web',
  roles: [],
  isAgeRestricted: false,
} as const satisfies Omit<Where, 'isAdmin'>;
/** Bytes of an action: its values are as long as a message, and JSON may escape each of their characters. */
const ACTION_BYTES = 256 * 1024;
/** Characters of a value that is completed. */
const MAX_TYPED = 100;
const JOB_ID = /^[\w-]{1,64}$/;
const PICTURE_FILE = /^([0-9a-f]{32})\.png$/;

export function addCalls(app: Hono<Env>, options: CallOptions, parts: Parts): void {
  const { conversation, hub, metrics, limits } = parts;
  const uploads = new OpenBodies({ perKey: limits.openUploadsPerUser, total: limits.openUploads });
  const uploadBytes = new RateLimit(
    { burst: limits.uploadBytes, perSecond: limits.uploadBytesPerSecond },
    (seconds) => sentence('web.many_pictures', { seconds }),
  );

  /** Reads a message while it is counted: against its sender's limits, and against those of all. */
  const readMessage = async (c: Call): Promise<MessageForm> => {
    const { key } = c.get('sender');
    const { incoming } = c.env;
    uploadBytes.require(key, Math.min(limits.bodyBytes, Number(incoming.headers['content-length'] ?? 0)));
    const leave = uploads.enter(key);
    const { bodyBytes: bytes, idleUploadMs: idleMs, uploadMs: totalMs } = limits;
    try {
      const count = (received: number) => uploadBytes.take(key, received);
      return await readMessageForm(incoming, { ...limits, bytes, idleMs, totalMs }, count);
    } finally {
      leave();
    }
  };

  /** Passes an invocation to the commands and waits for the first answer, not for the end of the job. */
  const invoke = async (
    c: Call,
    invocation: Pick<Invocation, 'input' | 'attachments' | 'repliedTo'>,
    request: Omit<ChatRequest, 'user'>,
    refreshed?: MessageRecord,
  ) => {
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
    const end = options.handle(whole, reply).then(() => ({}));
    end.catch((error) => options.onError?.(error));
    const answer = await Promise.race([reply.first, end]);
    countEnd(reply.first, conversation, end, metrics);
    return answer;
  };

  /** The picture whose address in this chat stands in the words, as if they replied to it. */
  const pictureOfAddress = async (c: Call, words: string) => {
    const found = findOwnAddress(words, c.req.header('host'), options);
    if (found === undefined) return undefined;
    const { text, picture } = found;
    if (picture !== undefined) {
      // One that waits for a reviewer is nobody's yet.
      if ((await options.pictures.get(picture)) === undefined || (await options.isHeld(picture))) {
        throw new DarkroomError('not_found', sentence('web.picture_gone'));
      }
      return { text, pictureIds: [picture] };
    }
    const message = await conversation.find(found.message ?? '', c.get('sender').user.id);
    const ids = message.pictures.map(({ id }) => id);
    return {
      text,
      message,
      pictureIds: found.number === undefined ? ids : ids.slice(found.number - 1, found.number),
    };
  };

  app.post('/api/messages', async (c) => {
    await using form = await readMessage(c);
    const { text, attachments } = form;
    const own = form.replyTo === undefined ? await pictureOfAddress(c, text) : undefined;
    const { replyTo = own?.message?.id, replyPicture: number } = form;
    const repliedTo =
      own?.message ??
      (replyTo === undefined ? undefined : await conversation.find(replyTo, c.get('sender').user.id));
    const shown = repliedTo?.pictures.map(({ id }) => id);
    const pictureIds = own?.pictureIds ?? (number === undefined ? shown : shown?.slice(number - 1, number));
    if (number !== undefined && pictureIds?.length === 0)
      throw new DarkroomError(
        'bad_request',
        sentence('action.no_such_picture', { count: shown?.length ?? 0 }),
      );
    const answer = await invoke(
      c,
      {
        attachments,
        // As in chats where the bot is mentioned.
        input: { kind: 'line', text: (own?.text ?? text).replace(/^\s*@darkroom\b[,:]?\s*(?=\S)/i, '') },
        ...(pictureIds && { repliedTo: { id: repliedTo?.id ?? pictureIds[0] ?? '', pictureIds } }),
      },
      { text, ...(replyTo !== undefined && { replyTo }) },
    );
    metrics.add('darkroom_messages_total');
    return c.json(answer, 202);
  });

  // Nothing is stored: the page shows, and paints on, what the files of the message will become.
  app.post('/api/uploads', async (c) => {
    await using form = await readMessage(c);
    const [file, ...others] = form.attachments;
    if (file === undefined || others.length > 0) {
      throw new DarkroomError('bad_request', 'Send one file in files[].');
    }
    const { bytes, isPose = false } = await options.readUpload(await file.read(), 'control');
    return c.body(new Uint8Array(bytes), 200, {
      'content-type': pictureType(bytes),
      ...(isPose && { 'darkroom-control': 'openpose' }),
    });
  });

  app.get('/api/messages', async (c) => {
    const { id: user } = c.get('sender').user;
    const [after, before] = [idOf(c, 'after'), idOf(c, 'before')];
    const limit = limitOf(c);
    if (limit === undefined && before === undefined) {
      return new Response(jsonList(conversation.listAll(user, after ?? '')), {
        headers: { 'content-type': 'application/json' },
      });
    }
    const range = { ...(after !== undefined && { after }), ...(before !== undefined && { before }) };
    return c.json(await conversation.list(user, { ...range, limit: limit ?? HISTORY_PAGE }));
  });

  /** Removes a job and what belongs to it, as the button Delete of its message does. */
  const deleteAnswer = async (c: Call, message: MessageRecord) => {
    const { id, job, reader } = message;
    // A private answer is dismissed with the words that asked for it.
    if (job === undefined && reader !== undefined) return conversation.removeWithRequest(message);
    if (job === undefined) return conversation.remove(id);
    const input = { kind: 'action', action: `remove:${job.id}`, values: {}, message: id } as const;
    await invoke(c, { attachments: [], input }, {}).catch((error: unknown) => {
      // The job is gone already; its message is what is left of it.
      if (!(error instanceof DarkroomError) || error.code !== 'not_found') throw error;
    });
    await conversation.remove(id);
  };

  app.delete('/api/messages/:id', async (c) => {
    const { user, role } = c.get('sender');
    const message = await conversation.find(c.req.param('id'), user.id);
    const owner = message.asker ?? message.author;
    // Of a job's message the command decides: an admin may delete it too.
    const isJob = message.author.bot && message.job !== undefined;
    if (!isJob && owner.id !== user.id && role === 'member') {
      throw new DarkroomError('forbidden', sentence('web.not_yours', { name: owner.name }));
    }
    if (message.author.bot) await deleteAnswer(c, message);
    else {
      const answer = await conversation.answerTo(message);
      if (answer !== undefined) await deleteAnswer(c, answer);
      await conversation.remove(message.id);
    }
    return c.json({ id: message.id });
  });

  app.get('/api/events', (c) => {
    // A reader that never reads would stay open: HEAD has no body.
    if (c.req.method === 'HEAD') {
      throw new HttpRefusal(405, 'bad_request', 'HEAD /api/events does not exist. Use GET.');
    }
    const { user, key } = c.get('sender');
    const { outgoing } = c.env;
    const { response, close } = hub.open({ user: user.id, key }, c.req.header('last-event-id'));
    outgoing.once('close', close);
    return response;
  });

  app.post('/api/actions', async (c) => {
    const { incoming } = c.env;
    if (!/^application\/json\b/i.test(incoming.headers['content-type'] ?? '')) {
      throw new HttpRefusal(415, 'bad_request', 'Send an action as application/json.');
    }
    const { idleUploadMs: idleMs, uploadMs: totalMs } = limits;
    const body = await readBody(incoming, { bytes: ACTION_BYTES, idleMs, totalMs });
    const { message: id, action, values } = readAction(body);
    const message = await conversation.find(id, c.get('sender').user.id);
    const isRefresh = action === message.refresh;
    if (!isRefresh && ![...message.actions, ...(message.cells ?? [])].some((known) => known.id === action)) {
      throw new DarkroomError('bad_request', sentence('web.button_gone'));
    }
    const input = { kind: 'action', action, values, message: id } as const;
    return c.json(
      await invoke(c, { attachments: [], input }, { replyTo: id }, isRefresh ? message : undefined),
      202,
    );
  });

  app.delete('/api/jobs/:id', async (c) => {
    const job = c.req.param('id');
    if (!JOB_ID.test(job)) throw new DarkroomError('not_found', sentence('web.no_job'));
    const message = (await conversation.ofJob(job))?.id ?? '';
    const input = { kind: 'action', action: `cancel:${job}`, values: {}, message } as const;
    await invoke(c, { attachments: [], input }, {});
    return c.json({ id: job, state: 'cancelled' });
  });

  app.get('/api/suggest', async (c) => {
    const [command = '', option = '', typed = ''] = ['command', 'option', 'typed'].map((name) =>
      c.req.query(name)?.slice(0, MAX_TYPED),
    );
    const { user } = c.get('sender');
    const asked = { command, option, typed, tenant: WHERE.tenant, user: user.id };
    return c.json(await options.complete(asked, localeOfCall(c)));
  });

  app.get('/api/pictures/:file', async (c) => {
    const id = PICTURE_FILE.exec(c.req.param('file'))?.[1];
    const bytes = id === undefined ? undefined : await options.pictures.get(id);
    if (bytes === undefined) throw new DarkroomError('not_found', sentence('web.picture_gone'));
    const isHeld = await options.isHeld(id!);
    // Alike, whether it is there or not.
    const { user, role } = c.get('sender');
    const isAdmin = role !== 'member' || options.admins?.includes(user.id) === true;
    if (isHeld && !isAdmin) throw new DarkroomError('not_found', sentence('web.picture_gone'));
    return c.body(new Uint8Array(bytes), 200, {
      'content-type': pictureType(bytes),
      'content-disposition': `inline; filename="darkroom-${id}.png"`,
      // Who may see it changes when a reviewer decides.
      'cache-control': isHeld ? 'no-store' : 'private, max-age=3600',
    });
  });
}

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

/** @throws DarkroomError('bad_request') for what cannot be the id of a message */
function idOf(c: Call, name: 'after' | 'before'): string | undefined {
  const id = c.req.query(name);
  if (id === undefined || id === '') return undefined;
  if (isMessageId(id)) return id;
  throw new DarkroomError('bad_request', `The parameter ${name} must be the id of a message.`);
}

/** @throws DarkroomError('bad_request') */
function limitOf(c: Call): number | undefined {
  const text = c.req.query('limit');
  if (text === undefined) return undefined;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_HISTORY_PAGE) return limit;
  throw new DarkroomError('bad_request', `The parameter limit must be 1 to ${MAX_HISTORY_PAGE}.`);
}

/** A JSON array that is sent while it is read. */
function jsonList(parts: AsyncGenerator<object[]>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let separator = '[';
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) {
        controller.enqueue(encoder.encode(separator === '[' ? '[]' : ']'));
        controller.close();
      } else if (value.length > 0) {
        controller.enqueue(encoder.encode(separator + value.map((item) => JSON.stringify(item)).join(',')));
        separator = ',';
      } else controller.enqueue(new Uint8Array());
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
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
