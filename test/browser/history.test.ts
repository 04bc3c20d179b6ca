/** A history of 10,000 messages costs the page no more than a short one; the tabs of a browser share one stream. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { MessageRecord } from '../../adapters/web/conversation/message.ts';
import type { App } from '../../src/app.ts';
import { openStore } from '../../src/store/store.ts';
import { pngOf } from '../adapters/stand-in.ts';
import { PATIENCE } from '../patience.ts';
import { launchBrowser, skip, startFreshApp } from './browser.ts';

const COUNT = 10_000;
const idOf = (n: number) => `000${String(n).padStart(9, '0')}abcd1234`;

/** Half of the messages are the bot's, with a picture each. */
async function fill(folder: string): Promise<void> {
  const store = await openStore<MessageRecord>({ folder });
  const picture = await store.pictures.put(pngOf(256, 256), { job: 'none', kind: 'result' });
  const user = { id: 'web:ada', name: 'guest-ada', bot: false };
  const messages: MessageRecord[] = [];
  for (let n = 0; n < COUNT; n += 2) {
    const at = new Date(1.7e12 + n * 60_000).toISOString();
    const text = `/imagine a red mug number ${n}`;
    messages.push({ id: idOf(n), at, author: user, text, pictures: [], actions: [] });
    messages.push({
      ...{ id: idOf(n + 1), at, author: { id: 'darkroom', name: 'Darkroom', bot: true }, asker: user },
      ...{ reply_to: idOf(n), text: '', actions: [{ id: 'vary:x', label: 'Vary' }], footer: `number ${n}` },
      pictures: [
        {
          ...{
            id: picture,
            url: `/api/pictures/${picture}.png`,
            width: 256,
            height: 256,
            alt: `a red mug ${n}`,
          },
          ...(n === COUNT - 2 && { id: 'f'.repeat(32), spoiler: true as const }),
        },
      ],
    });
  }
  // All at once: one statement for each message would take minutes.
  await store.database.query(
    "insert into darkroom.message (id, data) select data->>'id', data from jsonb_array_elements($1) as given (data)",
    [JSON.stringify(messages)],
  );
  await store.close();
}

describe('a long history', { skip }, () => {
  let app: App;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let bytes = 0;
  const faults: string[] = [];

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'darkroom-browser-'));
    await fill(folder);
    app = await startFreshApp(folder);
    browser = await launchBrowser();
    context = await browser.newContext({ viewport: { width: 1000, height: 900 }, reducedMotion: 'reduce' });
    context.setDefaultTimeout(PATIENCE);
    page = await context.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('response', async (response) => {
      if (response.url().includes('/api/messages')) bytes += (await response.body()).length;
    });
    await page.goto(app.url);
    await page.getByText(`/imagine a red mug number ${COUNT - 2}`).waitFor();
  });
  after(async () => {
    await browser?.close();
    await app?.stop();
  });

  const nodes = () => page.evaluate<number>('document.querySelectorAll("*").length');
  const messages = () => page.locator('#conversation > li');
  const firstNumber = async () =>
    Number(/number (\d+)/.exec((await messages().first().textContent()) ?? '')?.[1]);

  test('the first view is the newest screens of one page of it', async () => {
    assert.equal(await messages().count(), 25);
    assert.ok(bytes < 60_000, `${bytes} bytes of messages`);
    assert.ok((await nodes()) < 2500, `${await nodes()} elements`);
  });

  test('a hidden picture is shown nowhere else until somebody opens it', async () => {
    const last = messages().last();
    await last.locator('button.print.veiled').waitFor();
    await last.getByRole('button', { name: 'Edit' }).click();
    const reply = page.locator('#reply');
    await reply.locator('.hidden-small').waitFor();
    assert.equal(await reply.locator('img').count(), 0);
    assert.equal(await reply.getByRole('button', { name: 'Paint' }).count(), 0);
    await last.locator('button.print').click();
    await reply.locator('img').waitFor();
    assert.equal(await last.locator('button.print.veiled').count(), 0);
    await page.keyboard.press('Escape');
  });

  test('scrolling up shows earlier messages and keeps their number on the page', async () => {
    const seen = new Set<number>();
    for (let i = 0; i < 60 && seen.size < 12; i++) {
      await page.evaluate('scrollTo(0, 0)');
      await page.waitForTimeout(100);
      seen.add(await firstNumber());
      assert.ok((await messages().count()) <= 100);
    }
    assert.ok(Math.min(...seen) < COUNT - 250, `came back to message ${Math.min(...seen)}`);
    assert.ok((await nodes()) < 5000, `${await nodes()} elements`);
  });

  test('what is on the screen stays where it is while earlier messages are added', async () => {
    // Far from the start of the window, so that nothing moves yet.
    await messages().nth(40).scrollIntoViewIfNeeded();
    await page.waitForTimeout(500);
    const first = await firstNumber();
    const id = await messages().nth(2).getAttribute('data-id');
    const anchor = `document.querySelector('[data-id="${id}"]')`;
    const top = () => page.evaluate<number>(`${anchor}.getBoundingClientRect().top`);
    await page.evaluate(`${anchor}.scrollIntoView({ block: 'center' })`);
    const before = await top();
    for (let i = 0; i < 100 && (await firstNumber()) === first; i++) await page.waitForTimeout(100);
    assert.ok((await firstNumber()) < first);
    assert.ok(Math.abs((await top()) - before) < 3, `moved from ${before} to ${await top()}`);
  });

  test('Latest goes back to the newest messages, and so does scrolling down', async () => {
    await page.getByRole('button', { name: 'Latest' }).click();
    const newest = page.getByText(`/imagine a red mug number ${COUNT - 2}`);
    await newest.waitFor();
    for (let i = 0; i < 40 && (await firstNumber()) > COUNT - 300; i++) {
      await page.evaluate('scrollTo(0, 0)');
      await page.waitForTimeout(100);
    }
    assert.equal(await newest.count(), 0);
    for (let i = 0; i < 80 && (await newest.count()) === 0; i++) {
      await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
      await page.waitForTimeout(100);
    }
    assert.equal(await newest.count(), 1);
    assert.ok((await messages().count()) <= 100);
  });

  test('the contact sheet has a page of pictures, and earlier ones on demand', async () => {
    await page.locator('#open-sheet').click();
    const frames = page.locator('#sheet .frame');
    assert.ok((await frames.count()) <= 120);
    await page.getByText(/^The latest \d+ pictures$/).waitFor();
    await page.getByRole('button', { name: 'Earlier pictures' }).click();
    await page.waitForTimeout(500);
    assert.ok((await frames.count()) <= 120);
    await page.keyboard.press('Escape');
  });

  test('eight tabs work at once, and share one stream of events', async () => {
    const tabs = [page];
    for (let i = 1; i < 8; i++) {
      const tab = await context.newPage();
      tab.on('pageerror', (error) => faults.push(error.message));
      await tab.goto(app.url);
      await tab.getByText(`/imagine a red mug number ${COUNT - 2}`).waitFor();
      tabs.push(tab);
    }
    const metrics = async () => (await page.request.get(`${app.url}/metrics`)).text();
    assert.match(await metrics(), /^darkroom_event_readers 1$/m);
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
    await tabs[7]!.locator('#line').fill('/imagine a blue cat --seed 7 --steps 1');
    await tabs[7]!.keyboard.press('Enter');
    for (const tab of tabs) await tab.getByText('a blue cat').first().waitFor({ state: 'attached' });
    for (const tab of tabs.slice(1)) await tab.close();
    await page.locator('#conversation button.print img[alt="a blue cat"]').waitFor({ state: 'attached' });
    assert.match(await metrics(), /^darkroom_event_readers 1$/m);
    assert.deepEqual(faults, []);
  });
});
