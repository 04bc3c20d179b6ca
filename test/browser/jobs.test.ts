/**
 * What the page shows of jobs that wait, run, fail, are cancelled or refused, and of a server that is away; and the pages
 * beside the chat. Each on a desktop in the dark and on a Korean phone on paper: axe finds nothing in any of them.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import { pngOf, StandInQueue, startChatWith, temporaryFolder } from '../adapters/stand-in.ts';
import { PATIENCE } from '../patience.ts';
import { assertAccessible, launchBrowser, skip } from './browser.ts';

const TOKEN = 'open-sesame-42';
const VIEWS = [
  { name: 'desktop', width: 1000, height: 800, colorScheme: 'dark', locale: 'en-GB' },
  { name: 'phone', width: 360, height: 740, colorScheme: 'light', locale: 'ko-KR' },
] as const;

describe('jobs and the pages beside the chat', { skip }, () => {
  let browser: Browser;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let chat: Awaited<ReturnType<typeof startChatWith<StandInQueue>>>;
  const contexts: BrowserContext[] = [];
  const faults: string[] = [];

  before(async () => {
    [browser, folder] = await Promise.all([launchBrowser(), temporaryFolder()]);
    chat = await startChatWith(new StandInQueue(), folder.folder, { users: 'cookie', token: TOKEN });
    for (const { name: _name, width, height, ...rest } of VIEWS) {
      const context = await browser.newContext({
        ...{ ...rest, viewport: { width, height }, reducedMotion: 'reduce', bypassCSP: true },
      });
      context.setDefaultTimeout(PATIENCE);
      contexts.push(context);
    }
  });
  after(async () => {
    await browser?.close();
    await chat?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Both views' pages of an address. */
  const openAll = (path = '/', all: readonly BrowserContext[] = contexts) =>
    Promise.all(
      all.map(async (context) => {
        const page = await context.newPage();
        page.on('pageerror', (error) => faults.push(error.message));
        await page.goto(`${chat.url}${path}`);
        return page;
      }),
    );
  const checkAll = async (pages: readonly Page[], state: string) => {
    for (const [i, page] of pages.entries()) {
      await page.evaluate('scrollTo(0, 1e6)');
      await assertAccessible(page, `${state}-${VIEWS[i]!.name}`);
      assert.equal(await page.getByText('undefined', { exact: false }).count(), 0, state);
    }
  };
  const say = async (page: Page, words: string) => {
    await page.locator('#line').fill(words);
    await page.keyboard.press('Enter');
  };
  const seen = (pages: readonly Page[], words: RegExp) =>
    Promise.all(
      pages.map((page) => page.locator('#conversation .bot').filter({ hasText: words }).last().waitFor()),
    );

  test('the door, with a wrong token and without', async () => {
    const doors = await openAll();
    await checkAll(doors, 'door');
    for (const door of doors) {
      await door.locator('#token').fill('wrong-token');
      await door.keyboard.press('Enter');
      await door.getByRole('alert').waitFor();
    }
    await checkAll(doors, 'door-wrong');
    for (const [i, door] of doors.entries()) {
      await door.locator('#token').fill(TOKEN);
      await door.locator('#name').fill(['Ada', '민수'][i]!);
      await door.keyboard.press('Enter');
      await door.locator('#open-you').waitFor();
      await door.close();
    }
  });

  test('a job in each of its states', async () => {
    chat.queue.held = true;
    const pages = await openAll();
    const [ada] = pages as [Page, Page];
    const { queue } = chat;
    await say(ada, 'a red mug on a table --n 2');
    await seen(pages, /Next in line/);
    await say(pages[1]!, '바다 위의 노란 배, 아주 긴 프롬프트로 두 줄이 되게 씁니다');
    await seen(pages, /2번째|2/);
    await checkAll(pages, 'queued');
    const first = queue.jobs[0]!;
    const steps = 40;
    const running = { state: 'running', steps, etaSeconds: 12 } as const;
    const LIVE = [
      [{ ...running, step: 0 }, /Starting/, 'starting'],
      [{ ...running, step: 0, loading: { opened: 2e9, total: 7e9 } }, /Loading/, 'loading'],
      [{ ...running, step: 6, preview: pngOf(32, 32) }, /Step 6 of 40/, 'step'],
      [{ ...running, step: 40, etaSeconds: 0 }, /Finishing/, 'finishing'],
    ] as const;
    for (const [event, words, name] of LIVE) {
      queue.emit(first.id, event as never);
      await seen(pages, words);
      await checkAll(pages, name);
    }
    const error = { code: 'internal', message: sentence('error.internal') } as never;
    queue.emit(first.id, { state: 'failed', error });
    await seen(pages, /Try again|다시/);
    await checkAll(pages, 'failed');
    await pages[1]!.getByRole('button', { name: '취소', exact: true }).click();
    await seen(pages, /취소/);
    await checkAll(pages, 'cancelled');
    for (const page of pages) await page.close();
  });

  test('a full queue, a server that is away, and one that is there again', async () => {
    const pages = await openAll();
    chat.queue.refusal = new DarkroomError(
      'too_many',
      sentence('quota.jobs', {
        used: 3,
        limit: 3,
        starts: sentence('quota.next_starts', { time: sentence('quota.about_seconds', { seconds: '40' }) }),
      }),
    );
    for (const page of pages) {
      await say(page, 'a red mug on a table');
      await page.locator('#refusal').filter({ hasText: /./ }).waitFor();
    }
    await checkAll(pages, 'full');
    chat.queue.refusal = undefined;
    for (const context of contexts) await context.setOffline(true);
    for (const page of pages) {
      await page.keyboard.press('Enter');
      await page
        .locator('#refusal')
        .filter({ hasText: /server|서버/ })
        .waitFor();
    }
    await checkAll(pages, 'offline');
    for (const context of contexts) await context.setOffline(false);
    for (const page of pages) await page.close();
  });

  test('pages beside the chat, as the operator sees them on both', async () => {
    chat.queue.held = false;
    const [desktop, phone] = contexts as [BrowserContext, BrowserContext];
    await phone.addCookies(await desktop.cookies());
    const [line] = (await openAll('/', [desktop])) as [Page];
    await say(line, 'a red mug on a table');
    await line.locator('#conversation .bot button.print img:not(.latent)').last().waitFor();
    for (const path of ['/gallery', '/gallery?words=nothing-of-this-kind', '/usage', '/nowhere']) {
      const pages = await openAll(path);
      await checkAll(pages, path.slice(1).replace(/\W+/g, '-'));
      for (const page of pages) await page.close();
    }
  });

  test('a server that has ended: the page says so and keeps what it shows', async () => {
    const pages = await openAll();
    for (const page of pages) await page.locator('#open-you').waitFor();
    await chat.adapter.stop();
    for (const page of pages) await page.locator('#connection').filter({ hasText: /./ }).waitFor();
    await checkAll(pages, 'lost');
  });

  test('no script failed on the way', () => assert.deepEqual(faults, []));
});
