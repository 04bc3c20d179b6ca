/** The web chat: the HTTP calls of contract.md over one conversation, and the page's own files. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { DarkroomError, describeError, type ErrorCode } from '../../src/errors.ts';
import type { MessageStore } from '../../src/store/messages.ts';
import type { MessageNotices } from '../../src/store/notices.ts';
import type { Adapter, Attachment, Handle, Invocation, Person, Where } from '../adapter.ts';
import { EventHub } from './events.ts';
import { pictureType, readPageFile } from './files.ts';
import { BOT, type MessageRecord } from './message.ts';
import { type Request as ChatRequest, Conversation, WebReply } from './messages.ts';
import { Metrics } from './metrics.ts';
import { openapi } from './openapi.ts';
import { checkHeaders, Door, type DoorOptions, PAGE_HEADERS, RateLimit } from './security.ts';

export interface WebOptions extends DoorOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly handle: Handle;
  readonly messages: MessageStore<MessageRecord>;
  /** Where other processes serve the same conversation. */
  readonly notices?: MessageNotices;
  readonly pictures: { get(id: string): Promise<Uint8Array | undefined> };
  /** Commands, gallery and words, for the page's menu and empty state. */
  readonly describe: () => Promise<unknown>;
  /** Whether work can be taken. */
  readonly ready: () => boolean | Promise<boolean>;
  /** What else /metrics tells, in Prometheus' text form. */
  readonly figures?: () => Promise<string>;
  /** Hears of errors that are not the user's. */
  readonly onError?: (error: unknown) => void;
  readonly limits?: Partial<WebLimits>;
}

export type WebLimits = Readonly<
  Record<'bodyBytes' | 'textCharacters' | 'files' | 'burst' | 'perSecond', number>
>;

export const WEB_LIMITS: WebLimits = {
  bodyBytes: 12 * 1024 * 1024,
  textCharacters: 20_000,
  files: 4,
  /** Calls that change something: so many at once, and so many a second after that. */
  burst: 60,
  perSecond: 2,
};

/** The one conversation; who administers it is the operator's to say. */
const WHERE: Where = {
  server: 'web',
  channel: 'web',
  roles: [],
  isAdmin: false,
  isAgeRestricted: false,
};

const STATUS: Readonly<Partial<Record<ErrorCode, 403 | 404 | 409 | 413 | 429 | 500 | 503>>> = {
  forbidden: 403,
  not_found: 404,
  cancelled: 409,
  too_large: 413,
  too_many: 429,
  engine_failed: 503,
  misconfigured: 500,
  internal: 500,
};

type Env = { Bindings: HttpBindings; Variables: { user: Person } };
type Call = Context<Env>;

export interface WebAdapter extends Adapter {
  /** `http://127.0.0.1:3000`, once it listens. */
  readonly url: string;
}

/** @throws DarkroomError('misconfigured') where the door would stand open */
export function createWebAdapter(options: WebOptions): WebAdapter {
  const hub = new EventHub();
  const conversation = new Conversation(options.messages, hub, options);
  const app = createApp(options, conversation, hub);
  const server = createAdaptorServer({ fetch: app.fetch });
  let url = '';
  return {
    platform: 'web',
    get url() {
      return url;
    },
    async reopen({ id, user }) {
      const message = await conversation.ofJob(id);
      if (message === undefined) return new WebReply(conversation, { user });
      const state = message.job?.state;
      if (message.asker === undefined || (state !== 'queued' && state !== 'running')) return undefined;
      return new WebReply(conversation, { user: message.asker }, message);
    },
    async rolesOf() {
      return [];
    },
    async tell(_channel, card) {
      await new WebReply(conversation, { user: BOT }).show(card);
    },
    async start() {
      const { host, port } = options;
      await conversation.open();
      server.listen(port, host);
      try {
        await once(server, 'listening');
      } catch (cause) {
        throw new DarkroomError(
          'misconfigured',
          `The web chat cannot listen on ${host}:${port}. Set DARKROOM_PORT to a free port, or to 0.`,
          { cause },
        );
      }
      const address = server.address() as AddressInfo;
      url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
      return `web chat: ${url}`;
    },
    async stop() {
      await conversation.close();
      hub.close();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}

function createApp(options: WebOptions, conversation: Conversation, hub: EventHub): Hono<Env> {
  const limits = { ...WEB_LIMITS, ...options.limits };
  const door = new Door(options);
  const rate = new RateLimit(limits.burst, limits.perSecond);
  const metrics = new Metrics();
  const app = new Hono<Env>();

  app.onError((error, c) => {
    const refusal = describeError(error);
    if (refusal.code === 'internal') options.onError?.(error);
    metrics.add('darkroom_refusals_total', 1, `code="${refusal.code}"`);
    return c.json({ error: refusal }, STATUS[refusal.code] ?? 400);
  });
  app.notFound((c) => refuse(c, 404, 'not_found', `There is nothing at ${c.req.method} ${c.req.path}.`));

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
  });
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) => ((await options.ready()) ? c.text('ready\n') : c.text('not ready\n', 503)));

  app.use(async (c, next) => {
    checkHeaders(c.req.raw, options);
    const visitor = tryAdmit(door, c);
    if (visitor instanceof DarkroomError) {
      if (visitor.code !== 'forbidden') throw visitor;
      return refuse(c, 401, 'forbidden', visitor.message);
    }
    if (visitor.setCookie !== undefined) c.header('set-cookie', visitor.setCookie);
    // Whoever has no name yet could take a new one for each call: such a one is counted by address.
    const who = visitor.known ? visitor.user.id : (c.env.incoming.socket.remoteAddress ?? '');
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') rate.take(who);
    c.set('user', visitor.user);
    await next();
  });
  app.use(
    bodyLimit({
      maxSize: limits.bodyBytes,
      onError: (c) => {
        const most = Math.floor(limits.bodyBytes / 1024 / 1024);
        return refuse(c, 413, 'too_large', `That is more than ${most} MB. Send a smaller picture.`);
      },
    }),
  );

  /** Hands an invocation to the commands and waits for its first answer, not for its end. */
  const ask = async (
    invocation: Omit<Invocation, 'id' | 'platform' | 'place' | 'where'>,
    request: ChatRequest,
  ) => {
    const reply = new WebReply(conversation, request);
    const whole = {
      ...invocation,
      id: conversation.newId(),
      platform: 'web',
      place: 'web',
      where: WHERE,
    } as const;
    const end = options.handle(whole, reply).then(() => ({}));
    end.catch((error) => options.onError?.(error));
    const answer = await Promise.race([reply.first, end]);
    countEnd(reply.first, conversation, end, metrics);
    return answer;
  };

  app.post('/api/messages', async (c) => {
    const user = c.get('user');
    const { text, replyTo, attachments } = await readForm(c, limits);
    const repliedTo = replyTo === undefined ? undefined : await conversation.find(replyTo, user.id);
    const answer = await ask(
      {
        user,
        attachments,
        input: { kind: 'line', text },
        ...(repliedTo && {
          repliedTo: { id: repliedTo.id, pictureIds: repliedTo.pictures.map(({ id }) => id) },
        }),
      },
      { user, text, ...(replyTo !== undefined && { replyTo }) },
    );
    metrics.add('darkroom_messages_total');
    return c.json(answer, 202);
  });

  app.get('/api/messages', async (c) =>
    c.json(await conversation.list(c.get('user').id, c.req.query('after'))),
  );

  app.get('/api/events', (c) => hub.open(c.get('user').id, c.req.header('last-event-id')));

  app.post('/api/actions', async (c) => {
    const user = c.get('user');
    const { message: id, action, values } = readAction(await c.req.json().catch(() => undefined));
    const message = await conversation.find(id, user.id);
    if (!message.actions.some((known) => known.id === action)) {
      throw new DarkroomError('bad_request', 'That button is not on that message any more.');
    }
    const answer = await ask(
      { user, attachments: [], input: { kind: 'action', action, values, message: id } },
      { user, replyTo: id },
    );
    return c.json(answer, 202);
  });

  app.delete('/api/jobs/:id', async (c) => {
    const user = c.get('user');
    const job = c.req.param('id');
    const message = (await conversation.ofJob(job))?.id ?? '';
    const input = { kind: 'action', action: `cancel:${job}`, values: {}, message } as const;
    await ask({ user, attachments: [], input }, { user });
    return c.json({ id: job, state: 'cancelled' });
  });

  app.get('/api/pictures/:file', async (c) => {
    const id = /^([0-9a-f]{32})\.png$/.exec(c.req.param('file'))?.[1];
    const bytes = id === undefined ? undefined : await options.pictures.get(id);
    if (bytes === undefined) return refuse(c, 404, 'not_found', 'That picture is not here any more.');
    return c.body(new Uint8Array(bytes), 200, {
      'content-type': pictureType(bytes),
      'content-disposition': `inline; filename="darkroom-${id}.png"`,
      'cache-control': 'private, max-age=3600',
    });
  });

  app.get('/api/commands', async (c) => c.json((await options.describe()) as object));
  app.get('/api/me', (c) => c.json({ ...c.get('user'), bot: false }));
  app.get('/api/openapi.json', (c) => c.json(openapi));
  app.get('/metrics', async (c) => {
    const own = metrics.format({ darkroom_event_readers: hub.readers });
    return c.text(own + ((await options.figures?.()) ?? ''));
  });

  app.get('/:file?', async (c) => {
    // The token has done its work as a cookie; it need not stay in the address line.
    if (c.req.query('token') !== undefined) return c.redirect('/', 303);
    const file = await readPageFile(c.req.param('file') ?? 'index.html');
    if (file === undefined) return c.notFound();
    return c.body(file.bytes, 200, { 'content-type': file.type, 'cache-control': 'no-cache' });
  });
  return app;
}

const refuse = (c: Context, status: 401 | 404 | 413, code: ErrorCode, message: string) =>
  c.json({ error: { code, message } }, status);

function tryAdmit(door: Door, c: Call) {
  try {
    return door.admit(c.req.raw, c.req.query('token'));
  } catch (error) {
    if (error instanceof DarkroomError) return error;
    throw error;
  }
}

async function readForm(c: Call, limits: WebLimits) {
  const form = await c.req.formData().catch((cause) => {
    if (cause instanceof Error && cause.name === 'BodyLimitError') throw cause;
    throw new DarkroomError('bad_request', 'A message is sent as multipart/form-data with the field text.', {
      cause,
    });
  });
  const text = form.get('text') ?? '';
  const replyTo = form.get('reply_to') ?? '';
  if (typeof text !== 'string' || typeof replyTo !== 'string') {
    throw new DarkroomError('bad_request', 'text and reply_to are text; pictures go into files[].');
  }
  if (text.length > limits.textCharacters) {
    throw new DarkroomError(
      'too_large',
      `The message has ${text.length} characters; the limit is ${limits.textCharacters}. Shorten it.`,
    );
  }
  const files = [...form.getAll('files[]'), ...form.getAll('files')].filter((file) => file instanceof File);
  if (files.length > limits.files) {
    throw new DarkroomError(
      'too_large',
      `${files.length} files came; the limit is ${limits.files}. Send fewer.`,
    );
  }
  const attachments: Attachment[] = await Promise.all(
    files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
  );
  return { text, attachments, replyTo: replyTo === '' ? undefined : replyTo };
}

function readAction(body: unknown): { message: string; action: string; values: Record<string, unknown> } {
  const { message, action, values = {} } = isRecord(body) ? body : {};
  if (typeof message !== 'string' || typeof action !== 'string' || !isRecord(values)) {
    throw new DarkroomError('bad_request', 'An action is JSON with message, action and, for a form, values.');
  }
  return { message, action, values };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Counts a job when its handling has ended. */
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
    .catch(() => undefined); // refused: counted as such
}
