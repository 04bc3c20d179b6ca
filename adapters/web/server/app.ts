/** The HTTP calls of the web chat (docs/interfaces.md) and the files of the page. */
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { DarkroomError, describeError, type ErrorCode } from '../../../src/errors.ts';
import type { Handle, Invocation, User, Where } from '../../adapter.ts';
import type { Conversation } from '../conversation/conversation.ts';
import type { EventHub } from '../conversation/event-hub.ts';
import { type Request as ChatRequest, WebReply } from '../conversation/reply.ts';
import { checkHeaders, PAGE_HEADERS } from './access.ts';
import { readAction, readMessageForm } from './form.ts';
import { Identities, type IdentityOptions } from './identity.ts';
import { WEB_LIMITS, type WebLimits } from './limits.ts';
import { Metrics } from './metrics.ts';
import { openapi } from './openapi.ts';
import { pictureType, readPageFile } from './page-files.ts';
import { RateLimit } from './rate-limit.ts';

export interface AppOptions extends IdentityOptions {
  readonly handle: Handle;
  readonly pictures: { get(id: string): Promise<Uint8Array | undefined> };
  /** Commands, gallery and words, for the menu and the empty state of the page. */
  readonly describe: () => Promise<unknown>;
  /** Whether jobs can be accepted. */
  readonly ready: () => boolean | Promise<boolean>;
  /** Further lines of /metrics, in the text format of Prometheus. */
  readonly figures?: () => Promise<string>;
  /** Called with errors that are not the user's. */
  readonly onError?: (error: unknown) => void;
  readonly limits?: Partial<WebLimits>;
}

/** The whole chat is one channel; DARKROOM_ADMINS names its administrators. */
const WHERE: Where = {
  tenant: 'web',
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

type Env = { Bindings: HttpBindings; Variables: { user: User } };
type Call = Context<Env>;

export function createApp(options: AppOptions, conversation: Conversation, hub: EventHub): Hono<Env> {
  const limits = { ...WEB_LIMITS, ...options.limits };
  const identities = new Identities(options);
  const rate = new RateLimit(limits.burst, limits.perSecond);
  const metrics = new Metrics();
  const app = new Hono<Env>();

  app.onError((error, c) => {
    const refusal = describeError(error);
    if (refusal.code === 'internal') options.onError?.(error);
    metrics.add('darkroom_refusals_total', 1, `code="${refusal.code}"`);
    return c.json({ error: refusal }, STATUS[refusal.code] ?? 400);
  });
  app.notFound((c) => refuse(c, 404, 'not_found', `${c.req.method} ${c.req.path} does not exist.`));

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
  });
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) => ((await options.ready()) ? c.text('ready\n') : c.text('not ready\n', 503)));

  app.use(async (c, next) => {
    checkHeaders(c.req.raw, options);
    const visitor = tryIdentify(identities, c);
    if (visitor instanceof DarkroomError) {
      if (visitor.code !== 'forbidden') throw visitor;
      return refuse(c, 401, 'forbidden', visitor.message);
    }
    if (visitor.setCookie !== undefined) c.header('set-cookie', visitor.setCookie);
    // A visitor without a name could take a new one for each call, so these are counted by address.
    const key = visitor.known ? visitor.user.id : (c.env.incoming.socket.remoteAddress ?? '');
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') rate.take(key);
    c.set('user', visitor.user);
    await next();
  });
  app.use(
    bodyLimit({
      maxSize: limits.bodyBytes,
      onError: (c) => {
        const most = Math.floor(limits.bodyBytes / 1024 / 1024);
        return refuse(
          c,
          413,
          'too_large',
          `Your message has more than ${most} MB. Send smaller or fewer pictures.`,
        );
      },
    }),
  );

  /** Passes an invocation to the commands and waits for the first answer, not for the end of the job. */
  const invoke = async (
    invocation: Omit<Invocation, 'id' | 'platform' | 'channel' | 'where'>,
    request: ChatRequest,
  ) => {
    const reply = new WebReply(conversation, request);
    const whole = {
      ...invocation,
      id: conversation.newId(),
      platform: 'web',
      channel: 'web',
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
    const { text, replyTo, attachments } = await readMessageForm(c, limits);
    const repliedTo = replyTo === undefined ? undefined : await conversation.find(replyTo, user.id);
    const answer = await invoke(
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
      throw new DarkroomError('bad_request', 'That message no longer has this button.');
    }
    const answer = await invoke(
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
    await invoke({ user, attachments: [], input }, { user });
    return c.json({ id: job, state: 'cancelled' });
  });

  app.get('/api/pictures/:file', async (c) => {
    const id = /^([0-9a-f]{32})\.png$/.exec(c.req.param('file'))?.[1];
    const bytes = id === undefined ? undefined : await options.pictures.get(id);
    if (bytes === undefined) return refuse(c, 404, 'not_found', 'That picture no longer exists.');
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
    // The cookie now stands for the token, which need not stay in the address bar.
    if (c.req.query('token') !== undefined) return c.redirect('/', 303);
    const file = await readPageFile(c.req.param('file') ?? 'index.html');
    if (file === undefined) return c.notFound();
    return c.body(file.bytes, 200, { 'content-type': file.type, 'cache-control': 'no-cache' });
  });
  return app;
}

const refuse = (c: Context, status: 401 | 404 | 413, code: ErrorCode, message: string) =>
  c.json({ error: { code, message } }, status);

function tryIdentify(identities: Identities, c: Call) {
  try {
    return identities.identify(c.req.raw, c.req.query('token'));
  } catch (error) {
    if (error instanceof DarkroomError) return error;
    throw error;
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
