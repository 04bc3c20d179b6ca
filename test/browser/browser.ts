/** The real browser and the real program that the browser tests share. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { loadSettings } from '../../config/settings.ts';
import { type App, startApp } from '../../src/app.ts';
import { createLogger } from '../../src/log.ts';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

/** Why the browser tests cannot run here, or false. */
export const skip = existsSync(CHROMIUM)
  ? false
  : `there is no ${CHROMIUM}: install Debian's chromium, or name another in CHROMIUM`;

/** The program on a free port, its engine and model the real ones. @param folder of its data; a new one where absent */
export function startFreshApp(folder = mkdtempSync(join(tmpdir(), 'darkroom-browser-'))): Promise<App> {
  const env = { DARKROOM_DATA: folder, DARKROOM_PORT: '0' };
  return startApp({ settings: loadSettings(env).settings, log: createLogger('silent', false) });
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** A folder for a photograph of each state, for those who look at the page. */
export const PHOTOS = process.env['DARKROOM_PHOTOS'];

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/**
 * axe finds nothing on the page as it is, and nothing is too wide. The page's context needs `bypassCSP`: axe
 * is evaluated in the page, whose own policy allows no foreign script.
 * @param state names the photograph
 */
export async function assertAccessible(page: Page, state: string): Promise<void> {
  if (PHOTOS !== undefined) {
    mkdirSync(PHOTOS, { recursive: true });
    await page.screenshot({ path: join(PHOTOS, `${state}.png`) });
  }
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.addScriptTag({ path: AXE });
  const found = (await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  )) as Violation[];
  const lines = found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
  );
  assert.deepEqual(lines, [], state);
  await assertFits(page, state);
}

/** Nobody has to scroll sideways: neither the page nor anything in it that is seen. Tables with numbers may. */
export async function assertFits(page: Page, state: string): Promise<void> {
  const wide = await page.evaluate(`[...document.querySelectorAll('*')]
    .filter((element) => element === document.documentElement || getComputedStyle(element).overflowX === 'auto')
    .filter((element) => element.scrollWidth > element.clientWidth && !element.querySelector(':scope > table'))
    .map((scroller) => {
      const { left, width } = scroller.getBoundingClientRect();
      const out = [...scroller.querySelectorAll('*')].filter((element) => {
        const { right } = element.getBoundingClientRect();
        return right > left + width && !element.matches('.unseen');
      });
      return scroller.tagName + '#' + scroller.id + ' scrolls by ' + (scroller.scrollWidth - scroller.clientWidth)
        + ': ' + out.slice(0, 3).map((element) => element.outerHTML.slice(0, 120)).join(' ');
    })`);
  assert.deepEqual(wide, [], state);
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(' ') });
}

/** What the page said to POST /api/messages; the files' bytes as they went out. */
export interface Sent {
  readonly text: string;
  readonly reply_to: string | null;
  readonly files: readonly { readonly name: string; readonly type: string; readonly bytes: Buffer }[];
}

/** Call it before the page is opened: a browser tells no one else the bytes of a form's files. */
export async function recordSent(page: Page): Promise<() => Promise<Sent[]>> {
  await page.addInitScript(`{
    const send = window.fetch;
    window.sent = [];
    window.fetch = async (path, init) => {
      const form = init?.body;
      if (form instanceof FormData) {
        const files = form.getAll('files[]').map(async (file) => ({
          name: file.name, type: file.type, bytes: [...new Uint8Array(await file.arrayBuffer())],
        }));
        window.sent.push({ text: form.get('text'), reply_to: form.get('reply_to'), files: await Promise.all(files) });
      }
      return send(path, init);
    };
  }`);
  return async () => {
    const all = (await page.evaluate('window.sent')) as (Omit<Sent, 'files'> & {
      files: { name: string; type: string; bytes: number[] }[];
    })[];
    return all.map((sent) => ({
      ...sent,
      files: sent.files.map((file) => ({ ...file, bytes: Buffer.from(file.bytes) })),
    }));
  };
}
