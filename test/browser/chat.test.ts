/** The web chat as a person uses it: a real browser on the real server, engine and model. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import type { App } from '../../src/app.ts';
import { pngOf } from '../adapters/stand-in.ts';
import { eventually, PATIENCE } from '../patience.ts';
import { assertFits, launchBrowser, skip, startFreshApp } from './browser.ts';

describe('the web chat in a browser', { skip }, () => {
  let app: App;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const faults: string[] = [];

  before(async () => {
    app = await startFreshApp();
    browser = await launchBrowser();
    context = await browser.newContext({ viewport: { width: 1000, height: 900 } });
    context.setDefaultTimeout(PATIENCE);
    page = await context.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (line) => line.type() === 'error' && faults.push(line.text()));
    await page.goto(app.url);
  });
  after(async () => {
    await browser?.close();
    await app?.stop();
  });

  const messages = () => page.locator('#conversation > li');
  const prints = () => page.locator('#conversation button.print img:not(.latent)');

  /** Waits for the n-th picture (from 1), and for its pixels. */
  async function picture(n: number): Promise<Locator> {
    const image = prints().nth(n - 1);
    await image.waitFor();
    await image.evaluate((element) => (element as unknown as { decode(): Promise<void> }).decode());
    return image;
  }

  async function say(words: string): Promise<void> {
    await page.locator('#line').fill(words);
    await page.keyboard.press('Enter');
  }

  test('types /imagine and gets the picture, in one message that was edited in place', async () => {
    await page.locator('#empty').waitFor();
    await page.keyboard.press('/');
    await page.locator('#menu [role=option]').first().waitFor();
    await say('/imagine a red mug on a table, watercolor --seed 1');
    const image = await picture(1);
    assert.equal(await messages().count(), 2);
    assert.match((await image.getAttribute('alt')) ?? '', /red mug/);
    const bytes = await page.request.get(new URL((await image.getAttribute('src'))!, app.url).href);
    const { width, height } = await sharp(await bytes.body()).metadata();
    assert.deepEqual([width, height], [512, 512]);
    const answer = messages().nth(1);
    assert.match((await answer.textContent()) ?? '', /mini · seed 1 · [\d.]+ s/);
    const labels = await answer.locator('.message-actions button').allTextContents();
    assert.deepEqual(labels, ['Vary', 'Edit', 'Upscale', 'Use as\u2026', 'More']);
  });

  test('replies to the picture with words and gets the second one', async () => {
    await messages().nth(1).getByRole('button', { name: 'Edit', exact: true }).click();
    await page.locator('#reply').waitFor();
    await page.keyboard.type('a blue mug on a table, ink');
    await page.keyboard.press('Enter');
    await picture(2);
    assert.equal(await messages().count(), 4);
    const [first, second] = await Promise.all([0, 1].map((i) => prints().nth(i).getAttribute('src')));
    assert.notEqual(first, second);
  });

  test('the recipe opens, for its reader alone, with a command to copy', async () => {
    await messages().nth(1).getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Recipe', exact: true }).click();
    const recipe = messages().filter({ hasText: 'What made this picture' });
    await recipe.first().waitFor();
    assert.match((await recipe.first().textContent()) ?? '', /--seed 1\b/);
  });

  test('a refusal is one sentence at the prompt line; nothing is posted', async () => {
    const count = await messages().count();
    await say('/imagine a mug --sampler eulr');
    const refusal = page.locator('#refusal');
    await refusal.filter({ hasText: 'euler' }).waitFor();
    assert.equal(await messages().count(), count);
    await page.locator('#line').fill('');
  });

  /** Says words that are on their way until they are released, as are all after them. */
  async function sayAndHold(words: string) {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const sent: string[] = [];
    await page.route('**/api/messages', async (route) => {
      sent.push(/name="text"\s+([^\r]*)/.exec(route.request().postData() ?? '')?.[1] ?? '');
      await released;
      await route.continue();
    });
    await say(words);
    await eventually('it is on its way', () => sent.length > 0);
    return { sent, release };
  }

  test('what is typed and attached while a message is on its way stays for the next one', async () => {
    const { release } = await sayAndHold('/help');
    await page.keyboard.type(' a quick dog');
    const buffer = Buffer.from(pngOf(8, 8));
    await page.locator('#pick').setInputFiles({ name: 'dog.png', mimeType: 'image/png', buffer });
    await page.locator('#files li').waitFor();
    release();
    await page.locator('#send:enabled').waitFor();
    assert.equal(await page.locator('#line').inputValue(), 'a quick dog');
    assert.equal(await page.locator('#files li').count(), 1);
    await page.unroute('**/api/messages');
    for (const key of ['Escape', 'Escape']) await page.keyboard.press(key);
  });

  test('Enter while a message is on its way sends the next one after it, and nothing twice', async () => {
    const { sent, release } = await sayAndHold('/help');
    await page.keyboard.press('Enter');
    await page.keyboard.type('/queue');
    await page.keyboard.press('Enter');
    release();
    await eventually('both are sent', () => sent.length === 2);
    await eventually('the line is empty', async () => (await page.locator('#line').inputValue()) === '');
    await page.unroute('**/api/messages');
    assert.deepEqual(sent, ['/help', '/queue']);
  });

  test('markup in a prompt stays text', async () => {
    const markup = '<img src=x onerror=document.title=1><b>bold</b>';
    await say(`${markup} --steps 1`);
    await picture(3);
    assert.ok(((await page.locator('#conversation').textContent()) ?? '').includes(markup));
    assert.equal(await page.locator('#conversation b').count(), 0);
    assert.equal(await page.title(), 'Darkroom');
  });

  test('a reload keeps the conversation', async () => {
    const before = await prints().count();
    await page.reload();
    await picture(before);
    assert.equal(await prints().count(), before);
  });

  test('the contact sheet goes by arrow keys, Enter opens, Escape closes', async () => {
    await page.locator('#open-sheet').click();
    const cells = page.locator('#sheet button img');
    await cells.first().waitFor();
    assert.equal(await cells.count(), await prints().count());
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.locator('#viewer[open] img').first().waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#viewer:not([open])').waitFor({ state: 'attached' });
  });

  test('at 360 pixels nothing sticks out: the sheet, the queue with a long prompt, in the dark and on paper', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await assertFits(page, `the sheet, ${colorScheme}`);
    }
    await page.keyboard.press('Escape');
    await say(`a mug in a ${'very '.repeat(30)}wide kitchen --steps 100`);
    await say('/queue');
    const queued = page.locator('.message-fields dt', { hasText: 'very very' });
    await queued.waitFor();
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await assertFits(page, `the queue, ${colorScheme}`);
    }
  });

  test('another visitor sees the picture and cannot delete it', async () => {
    const other = await browser.newContext();
    const theirs = await other.newPage();
    await theirs.goto(app.url);
    await theirs.locator('#conversation button.print img:not(.latent)').first().waitFor();
    const id = await theirs.evaluate(`fetch('/api/messages').then((r) => r.json()).then((all) =>
      (all.messages ?? all).find((message) => message.pictures.length > 0 && message.author.bot).job.id)`);
    const status = await theirs.evaluate(
      `fetch('/api/jobs/${id}', { method: 'DELETE' }).then((r) => r.status)`,
    );
    assert.equal(status, 403);
    await other.close();
  });

  test('no script failed on the way', () => {
    // A refused message is an answer of 400, which browsers note as an error of the page.
    assert.deepEqual(
      faults.filter((fault) => !fault.includes('400')),
      [],
    );
  });
});
