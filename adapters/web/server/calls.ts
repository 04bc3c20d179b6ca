/** The calls of the HTTP API, see docs/interfaces.md: events, actions, jobs, pictures; message-calls.ts has the messages. */
import type { Hono } from 'hono';
import { DarkroomError } from '../../../src/errors.ts';
import { type Locale, sentence } from '../../../src/sentences.ts';
import type { Handle } from '../../adapter.ts';
import type { Conversation } from '../conversation/conversation.ts';
import type { EventHub } from '../conversation/event-hub.ts';
import { readBody } from './body.ts';
import type { Env } from './call.ts';
import { readAction } from './form.ts';
import { createInvoke, WHERE } from './invoke.ts';
import { localeOfCall } from './language.ts';
import type { WebLimits } from './limits.ts';
import { addMessageCalls, type MessageCallOptions } from './message-calls.ts';
import type { Metrics } from './metrics.ts';
import { pictureType } from './page-files.ts';
import { HttpRefusal } from './refusal.ts';

export interface CallOptions extends MessageCallOptions {
  readonly handle: Handle;
  /** Users who are admins everywhere. */
  readonly admins?: readonly string[];
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

interface Parts {
  readonly conversation: Conversation;
  readonly hub: EventHub;
  readonly metrics: Metrics;
  readonly limits: WebLimits;
}

/** Bytes of an action: its values are as long as a message, and JSON may escape each of their characters. */
const ACTION_BYTES = 256 * 1024;
/** Characters of a value that is completed. */
const MAX_TYPED = 100;
const JOB_ID = /^[\w-]{1,64}$/;
const PICTURE_FILE = /^([0-9a-f]{32})\.png$/;

export function addCalls(app: Hono<Env>, options: CallOptions, parts: Parts): void {
  const { conversation, hub, metrics, limits } = parts;
  const { handle, onError } = options;
  const invoke = createInvoke({ handle, conversation, metrics, onError });
  addMessageCalls(app, options, { conversation, metrics, limits, invoke });

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
