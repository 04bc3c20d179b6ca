/** The HTTP server of the web chat: what comes before every call, what errors look like, and the page. */
import { type Context, Hono } from 'hono';
import { etag } from 'hono/etag';
import { describeError, type ErrorCode, wordsOf } from '../../../src/errors.ts';
import { type Locale, sayIn } from '../../../src/sentences.ts';
import type { GalleryStore } from '../../../src/store/gallery.ts';
import type { UsageStore } from '../../../src/usage/report.ts';
import type { Conversation } from '../conversation/conversation.ts';
import type { EventHub } from '../conversation/event-hub.ts';
import { basePathOf, isOpenedHere, PAGE_HEADERS } from './access.ts';
import { Admission, type AdmissionOptions } from './admission.ts';
import type { Call, Env } from './call.ts';
import { addCalls, type CallOptions } from './calls.ts';
import { addDoor, drawDoor } from './door.ts';
import { drawErrorPage } from './error-page.ts';
import { addGalleryPage } from './gallery-page.ts';
import { localeOfCall } from './language.ts';
import { WEB_LIMITS, type WebLimits } from './limits.ts';
import { Metrics } from './metrics.ts';
import { openapi } from './openapi.ts';
import { bundleScripts, bundleStyles, packed } from './page-bundle.ts';
import { readPageFile } from './page-files.ts';
import { drawPage } from './page-html.ts';
import { addPeopleCalls } from './people-calls.ts';
import { type RefusalStatus, statusOf } from './refusal.ts';
import { sharedFor } from './shared-result.ts';
import { addStatusPages, type StatusSection } from './status-page.ts';
import { addUsagePage } from './usage-page.ts';

export interface AppOptions extends AdmissionOptions, CallOptions {
  /** Commands, gallery and words, for the menu and the empty state of the page. */
  readonly describe: (locale: Locale) => Promise<unknown>;
  /** Whether jobs can be accepted. */
  readonly ready: () => boolean | Promise<boolean>;
  /** Further lines of /metrics, in the text format of Prometheus. */
  readonly figures?: () => Promise<string>;
  /** What this machine has and lacks, for the operator's pages; absent where nobody knows. */
  readonly status?: () => Promise<readonly StatusSection[]>;
  /** Sums of what was used, for the admins' page; absent where nobody keeps them. */
  readonly usage?: UsageStore;
  /** Finished pictures and stars, for the gallery; absent where nobody keeps them. */
  readonly gallery?: GalleryStore;
  /** Whether a picture's file carries its recipe; without it, downloads of several pictures carry none. */
  readonly hasRecipe?: (png: Uint8Array) => boolean;
  readonly limits?: Partial<WebLimits>;
}

/** Milliseconds for which monitoring calls are answered from one piece of work. */
const MONITORING_MS = 1000;

export function createApp(options: AppOptions, conversation: Conversation, hub: EventHub): Hono<Env> {
  const limits = { ...WEB_LIMITS, ...options.limits };
  const base = basePathOf(options);
  const metrics = new Metrics();
  const admission = new Admission(options, limits);
  const app = new Hono<Env>({ getPath: ({ url }) => pathBelow(base, url) });

  const answerError = (c: Context, status: RefusalStatus, error: { code: ErrorCode; message: string }) => {
    const wantsPage = c.req.header('accept')?.includes('text/html');
    if (!wantsPage) return c.json({ error }, status);
    const locale = localeOfCall(c);
    if (status !== 401) return c.html(drawErrorPage(status, error.message, { base, locale }), status);
    const isTried = c.req.method === 'POST' || c.req.query('token') !== undefined;
    return c.html(
      drawDoor({ base, locale, needsToken: true, ...(isTried && { message: error.message }) }),
      status,
    );
  };
  app.onError((error, c) => {
    const refusal = describeError(error);
    if (refusal.code === 'internal') options.onError?.(error);
    metrics.add('darkroom_refusals_total', 1, `code="${refusal.code}"`);
    const message = sayIn(localeOfCall(c)).words(wordsOf(refusal));
    return answerError(c, statusOf(error, refusal.code), { code: refusal.code, message });
  });
  app.notFound((c) => {
    const message = sayIn(localeOfCall(c))('web.no_address', { call: `${c.req.method} ${c.req.path}` });
    return answerError(c, 404, { code: 'not_found', message });
  });
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
  });

  const ready = sharedFor(MONITORING_MS, async () => options.ready());
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) => ((await ready()) ? c.text('ready\n') : c.text('not ready\n', 503)));

  // The files of the page are no secret, and the page that asks for the token needs some of them.
  for (const [path, type, bundle] of [
    ['/page.css', 'text/css', bundleStyles],
    ['/page.js', 'text/javascript', () => bundleScripts('main')],
  ] as const) {
    const bundled = sharedFor(Number.POSITIVE_INFINITY, async () => packed(await bundle()));
    app.get(path, etag(), async (c) => {
      const { plain, gzip } = await bundled();
      const takesGzip = c.req.header('accept-encoding')?.includes('gzip') === true;
      return c.body(takesGzip ? gzip : plain, 200, {
        ...{ 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache' },
        ...{ vary: 'accept-encoding', ...(takesGzip && { 'content-encoding': 'gzip' }) },
      });
    });
  }
  app.get('/:file{[a-z0-9-]+\\.(?:css|js|svg|webp)}', async (c) => {
    const file = await readPageFile(c.req.param('file'));
    if (file === undefined) return c.notFound();
    return c.body(file.bytes, 200, { 'content-type': file.type, 'cache-control': 'no-cache' });
  });

  const admit = async (c: Call, token: string | undefined) => {
    const { sender, setCookie } = await admission.admit(c.req.raw, c.env.incoming, token);
    if (setCookie !== undefined) c.header('set-cookie', setCookie);
    c.set('sender', sender);
  };
  addDoor(app, { admission, base, admit });
  app.use(async (c, next) => {
    await admit(c, c.req.query('token'));
    await next();
  });

  addCalls(app, options, { conversation, hub, metrics, limits });
  addPeopleCalls(app, options, admission.people);
  const { status } = options;
  if (status !== undefined) {
    const shared = sharedFor(MONITORING_MS, status);
    addStatusPages(app, options, { people: admission.people, base, status: shared });
  }
  if (options.usage !== undefined) addUsagePage(app, { usage: options.usage, base });
  const { gallery, pictures, people, hasRecipe = () => false } = options;
  if (gallery !== undefined) addGalleryPage(app, { gallery, pictures, people, base, hasRecipe });
  app.get('/api/commands', async (c) => c.json((await options.describe(localeOfCall(c))) as object));
  app.get('/api/openapi.json', (c) => c.json(openapi));
  const figures = sharedFor(MONITORING_MS, async () => (await options.figures?.()) ?? '');
  app.get('/metrics', async (c) =>
    c.text(metrics.format({ darkroom_event_readers: hub.readers }) + (await figures())),
  );

  app.get('/', async (c) => {
    // The cookie now stands for the token, which need not stay in the address bar.
    const { pathname } = new URL(c.req.url);
    // Links of the page are relative, which needs the slash.
    const needsSlash = base !== '' && pathname === base;
    if (c.req.query('token') !== undefined || needsSlash) return c.redirect(`${base}/`, 303);
    const { user, isLasting, role } = c.get('sender');
    if (isLasting && role !== 'operator' && isOpenedHere(c.req.raw, c.env.incoming, options)) {
      await admission.people.claimOperator(user);
    }
    return c.body(await drawPage(localeOfCall(c)), 200, {
      ...{ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', vary: 'accept-language' },
    });
  });
  return app;
}

/** The path of a URL without `base`: a proxy may or may not remove that from the requests it passes on. */
function pathBelow(base: string, url: string): string {
  const { pathname } = new URL(url);
  if (base === '' || !(pathname === base || pathname.startsWith(`${base}/`))) return pathname;
  return pathname.slice(base.length) || '/';
}
