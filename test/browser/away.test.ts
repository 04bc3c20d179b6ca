/** A page whose server does not answer while it comes: it is whole as soon as the server does. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { StandInQueue, startChatWith, temporaryFolder } from '../adapters/stand-in.ts';
import { PATIENCE } from '../patience.ts';
import { launchBrowser, skip } from './browser.ts';

describe('a server that is away', { skip }, () => {
  let browser: Browser;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let chat: Awaited<ReturnType<typeof startChatWith<StandInQueue>>>;

  before(async () => {
    [browser, folder] = await Promise.all([launchBrowser(), temporaryFolder()]);
    chat = await startChatWith(new StandInQueue(), folder.folder, { users: 'cookie' });
  });
  after(async () => {
    await browser?.close();
    await chat?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Tabs of one person. */
  async function newContext(): Promise<BrowserContext> {
    const context = await browser.newContext({ reducedMotion: 'reduce' });
    context.setDefaultTimeout(PATIENCE);
    return context;
  }
  async function draws(page: Page): Promise<void> {
    await page.locator('#line').fill('/imagine a red mug');
    await page.keyboard.press('Enter');
    await page.locator('#conversation .bot button.print img:not(.latent)').last().waitFor();
  }

  test('who one is and the commands are asked for again', async () => {
    const page = await (await newContext()).newPage();
    const refused: string[] = [];
    for (const path of ['me', 'commands', 'messages']) {
      await page.route(
        `**/api/${path}*`,
        (route) => {
          refused.push(path);
          return route.abort();
        },
        { times: 1 },
      );
    }
    await page.goto(chat.url);
    await page.locator('#open-you').waitFor();
    assert.deepEqual(refused.toSorted(), ['commands', 'me', 'messages']);
    await page.locator('#line').focus();
    await page.keyboard.type('/he');
    await page.getByRole('option', { name: '/help' }).waitFor();
    await draws(page);
    await page.close();
  });

  test('what a person has yet to read stays when the server is back; that it was away does not', async () => {
    const page = await (await newContext()).newPage();
    // A stream of the tab's own: nobody can hold one that a worker asks for.
    await page.addInitScript('delete window.SharedWorker');
    for (const { words, expected } of [
      { words: '/imagine a mug --sampler eulr', expected: /euler/ },
      { words: '/imagine a mug', expected: undefined },
    ]) {
      const { promise: isBack, resolve: comeBack } = Promise.withResolvers<void>();
      await page.route('**/api/events*', (route) => isBack.then(() => route.continue()));
      if (expected === undefined) {
        await page.route('**/api/messages*', (route) =>
          route.request().method() === 'POST' ? route.abort() : route.continue(),
        );
      }
      await page.goto(chat.url);
      await page.locator('#open-you').waitFor();
      await page.locator('#line').fill(words);
      await page.keyboard.press('Enter');
      await page
        .locator('#refusal')
        .filter({ hasText: expected ?? 'does not answer' })
        .waitFor();
      const loaded = page.waitForResponse('**/api/messages*');
      comeBack();
      await loaded;
      if (expected === undefined)
        await page.locator('#refusal').filter({ hasNotText: /./ }).waitFor({ state: 'attached' });
      else await page.locator('#refusal').filter({ hasText: expected }).waitFor();
      await page.unrouteAll();
    }
    await page.close();
  });

  test('why the messages are missing stays though the commands come; a refusal stays though they do not', async () => {
    const page = await (await newContext()).newPage();
    const { promise: mayCome, resolve: come } = Promise.withResolvers<void>();
    const error = { code: 'internal', message: 'The messages cannot be read.' };
    await page.route('**/api/commands*', (route) => mayCome.then(() => route.continue()));
    await page.route('**/api/messages*', (route) =>
      route.request().method() === 'POST'
        ? route.continue()
        : route.fulfill({ status: 500, json: { error } }),
    );
    await page.goto(chat.url);
    const refusal = page.locator('#refusal');
    await refusal.filter({ hasText: error.message }).waitFor();
    come();
    await page.locator('#line').focus();
    await page.keyboard.type('/he');
    await page.getByRole('option', { name: '/help' }).waitFor();
    assert.equal(await refusal.textContent(), error.message);
    await page.locator('#line').fill('/imagine a mug --sampler eulr');
    await page.keyboard.press('Enter');
    await refusal.filter({ hasText: /euler/ }).waitFor();
    // A page that is shown again as it was left opens its stream, and loads.
    const loaded = page.waitForResponse('**/api/messages*');
    await page.evaluate('dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))');
    await loaded;
    await page.waitForTimeout(100);
    assert.match((await refusal.textContent()) ?? '', /euler/);
    await page.close();
  });

  test('a tab has a stream of its own where the shared one cannot be started', async () => {
    const page = await (await newContext()).newPage();
    await page.addInitScript(`{
      const Shared = SharedWorker;
      window.SharedWorker = function (path, options) { return new Shared('no-such-script.js', options); };
    }`);
    await page.goto(chat.url);
    await page.locator('#open-you').waitFor();
    await draws(page);
    await page.close();
  });

  test('a tab that comes while the stream is broken says so, and so does one without a stream', async () => {
    const context = await newContext();
    const first = await context.newPage();
    await first.goto(chat.url);
    await draws(first);
    const [second, alone] = await Promise.all([context.newPage(), (await newContext()).newPage()]);
    // The page is there, and its server ends before it asks for anything else.
    const html = await (await fetch(chat.url)).text();
    const files = new Map<string, Buffer>();
    for (const [, path] of html.matchAll(/(?:src|href)="([^"#:]+)"/g)) {
      const answer = await fetch(`${chat.url}/${path}`);
      if (answer.ok) files.set(`/${path}`, Buffer.from(await answer.arrayBuffer()));
    }
    for (const page of [second, alone]) {
      await page.route(`${chat.url}/**`, (route) => {
        const path = new URL(route.request().url()).pathname;
        if (path === '/') return route.fulfill({ contentType: 'text/html', body: html });
        const body = files.get(path);
        const contentType = path.endsWith('.js') ? 'text/javascript' : 'text/css';
        return body === undefined ? route.abort() : route.fulfill({ contentType, body });
      });
    }
    await chat.adapter.stop();
    for (const page of [second, alone]) await page.goto(chat.url);
    for (const page of [first, second, alone]) {
      await page.locator('#connection').filter({ hasText: 'Connection lost' }).waitFor();
    }
  });
});
