/** The real browser and the real program that the browser tests share. */
import { existsSync, mkdtempSync } from 'node:fs';
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
/** A picture takes seconds; a busy machine may need many. */
export const PATIENCE = 60_000;

/** The program on a free port, its engine and model the real ones. @param folder of its data; a new one where absent */
export function startFreshApp(folder = mkdtempSync(join(tmpdir(), 'darkroom-browser-'))): Promise<App> {
  const env = { DARKROOM_DATA: folder, DARKROOM_PORT: '0' };
  return startApp({ settings: loadSettings(env).settings, log: createLogger('silent', false) });
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
