/** The calls of the HTTP API for messages and the files that come with them, see docs/interfaces.md. */
import type { Hono } from 'hono';
import { DarkroomError } from '../../../src/errors.ts';
import { sentence } from '../../../src/sentences.ts';
import type { Conversation } from '../conversation/conversation.ts';
import { isMessageId, type MessageRecord } from '../conversation/message.ts';
import { HISTORY_PAGE, MAX_HISTORY_PAGE } from '../page/shared.js';
import type { AccessOptions } from './access.ts';
import { OpenBodies } from './body.ts';
import type { Call, Env } from './call.ts';
import { type MessageForm, readMessageForm } from './form.ts';
import type { Invoke } from './invoke.ts';
import type { WebLimits } from './limits.ts';
import type { Metrics } from './metrics.ts';
import { findOwnAddress } from './own-address.ts';
import { pictureType } from './page-files.ts';
import { RateLimit } from './rate-limit.ts';

export interface MessageCallOptions extends Pick<AccessOptions, 'publicUrl'> {
  readonly pictures: { get(id: string): Promise<Uint8Array | undefined> };
  /** Whether a picture waits for a reviewer; only admins see it then. */
  isHeld(picture: string): Promise<boolean>;
  /** A file as it would be stored, see commands/ports.ts. */
  readUpload(
    bytes: Uint8Array,
    use: 'control',
  ): Promise<{ readonly bytes: Uint8Array; readonly isPose?: boolean }>;
}

interface Parts {
  readonly conversation: Conversation;
  readonly metrics: Metrics;
  readonly limits: WebLimits;
  readonly invoke: Invoke;
}

export function addMessageCalls(app: Hono<Env>, options: MessageCallOptions, parts: Parts): void {
  const { conversation, metrics, limits, invoke } = parts;
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
