/** How long the page takes to show a chat with 1,000 messages, in a real browser: from the address to the newest message. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import type { MessageRecord } from '../adapters/web/conversation/message.ts';
import { createWebAdapter } from '../adapters/web/server.ts';
import { openStore } from '../src/store/store.ts';
import { type Figure, median } from './figure.ts';

const MESSAGES = 1000;
const LOADS = 9;
/** Milliseconds in which Chromium is done with the menus and panels of a window that it just opened. */
const WINDOW_MS = 2500;

export async function history(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const store = await openStore<MessageRecord>({ folder });
  await fill(store);
  const adapter = createWebAdapter({
    ...{ host: '127.0.0.1', port: 0, users: 'cookie', secret: store.secret },
    ...{ messages: store.messages, people: store.people, pictures: store.pictures },
    isHeld: async () => false,
    handle: async () => {},
    describe: async () => ({ commands: [], gallery: [], words: [] }),
    complete: async () => [],
    ready: () => true,
    readUpload: async (bytes) => ({ bytes }),
  });
  await adapter.start();
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const times: number[] = [];
    for (let i = 0; i < LOADS; i++) {
      // A visitor of their own each time: nothing is cached.
      const context = await browser.newContext();
      const page = await context.newPage();
      await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
      await page.addInitScript(`new MutationObserver((_, observer) => {
        const all = document.querySelectorAll('#conversation > li');
        if (!all[all.length - 1]?.textContent.includes('number ${MESSAGES - 1}')) return;
        observer.disconnect();
        requestAnimationFrame(() => { window.shownAt = performance.now(); });
      }).observe(document, { childList: true, subtree: true });`);
      await page.goto(adapter.url);
      times.push(await shownAt(page));
      await context.close();
    }
    const value = median(times);
    return [{ name: `first view of a chat with ${MESSAGES} messages`, value, unit: 'ms', target: 300 }];
  } finally {
    await browser.close();
    await adapter.stop();
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

/** Asked from here: the page's policy lets nothing be evaluated again and again in it. */
async function shownAt(page: Page): Promise<number> {
  for (let i = 0; i < 600; i++) {
    const at = await page.evaluate('window.shownAt');
    if (typeof at === 'number') return at;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the newest message was not shown within 30 s');
}

async function fill(store: Awaited<ReturnType<typeof openStore<MessageRecord>>>): Promise<void> {
  const author = { id: 'web:ada', name: 'Ada', bot: false };
  const messages = Array.from(
    { length: MESSAGES },
    (_, n): MessageRecord => ({
      ...{ id: `000${String(n).padStart(9, '0')}abcd1234`, at: new Date(1.7e12 + n * 60_000).toISOString() },
      ...{ author, text: `/imagine a red mug, number ${n}`, pictures: [], actions: [] },
    }),
  );
  await store.database.query(
    "insert into darkroom.message (id, data) select data->>'id', data from jsonb_array_elements($1) as given (data)",
    [JSON.stringify(messages)],
  );
}
