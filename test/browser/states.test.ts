/**
 * The page in its states, on a desktop in the dark and on a Korean phone on paper: axe finds nothing in any of them. On
 * the way: names, private answers, links to places, drafts and the menu of values.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { App } from '../../src/app.ts';
import { CATALOGUE, type Key, sayIn } from '../../src/sentences.ts';
import { PATIENCE } from '../patience.ts';
import { assertAccessible, launchBrowser, PHOTOS, skip, startFreshApp } from './browser.ts';

describe('the page in its states', { skip }, () => {
  let app: App;
  let browser: Browser;
  let desktop: BrowserContext;
  let page: Page;
  const faults: string[] = [];

  before(async () => {
    app = await startFreshApp();
    browser = await launchBrowser();
    [desktop, page] = await open('dark', 1000);
  });
  after(async () => {
    await browser?.close();
    await app?.stop();
  });

  async function open(colorScheme: 'dark' | 'light', width: number): Promise<[BrowserContext, Page]> {
    const context = await browser.newContext({
      ...{ viewport: { width, height: 800 }, colorScheme, reducedMotion: 'reduce' },
      locale: width < 600 ? 'ko-KR' : 'en-GB',
      bypassCSP: true,
    });
    context.setDefaultTimeout(PATIENCE);
    const one = await context.newPage();
    one.on('pageerror', (error) => faults.push(error.message));
    await one.goto(app.url);
    await one.locator('#open-you').waitFor();
    return [context, one];
  }

  const check = assertAccessible;
  const say = async (words: string) => {
    await page.locator('#line').fill(words);
    await page.keyboard.press('Enter');
  };
  const messages = () => page.locator('#conversation > li');
  const prints = (one: Page) => one.locator('#conversation .bot button.print img:not(.latent)');
  const button = (name: string) => page.getByRole('button', { name, exact: true });

  test('empty, with the examples at the top', async () => {
    await page.locator('#gallery button').first().waitFor();
    await check(page, 'empty');
    const [phone, narrow] = await open('light', 360);
    await narrow.locator('#gallery button').first().waitFor();
    assert.equal(await narrow.evaluate('scrollY'), 0);
    assert.equal(await narrow.getAttribute('html', 'lang'), 'ko');
    assert.equal(await narrow.getAttribute('#line', 'placeholder'), '그릴 것을 적어 주세요');
    assert.equal(await narrow.getAttribute('#theme', 'aria-label'), '어두운 테마');
    await check(narrow, 'empty-phone');
    await phone.close();
  });

  test('You: the first browser is the operator, takes a name and invites somebody', async () => {
    await page.locator('#open-you').click();
    await page.locator('#you-name').fill('Ada');
    await check(page, 'you');
    await button('Save').click();
    await page.getByRole('button', { name: 'You: Ada' }).click();
    await page.locator('#invite-name').fill('Grace');
    await button('Make a link').click();
    const link = await page.locator('#invite-link').inputValue();
    await check(page, 'invitation');
    await button('Close').click();
    const [other, guest] = await open('light', 360);
    await guest.goto(link);
    await check(guest, 'link-phone');
    await guest.getByRole('button', { name: '채팅 열기' }).click();
    await guest.getByRole('button', { name: '나: Grace' }).waitFor();
    await guest.goto(link);
    await guest.getByText('이미 쓴 링크이거나').waitFor();
    await check(guest, 'error-phone');
    await other.close();
  });

  test('running, then done; the line of a reload is the line before it', async () => {
    await say('/imagine a red mug on a table --seed 1 --steps 20');
    await page.locator('[role=progressbar][aria-valuetext*="of 20"]').waitFor();
    await check(page, 'running');
    await say('/queue');
    const card = page.locator('.message.private').filter({ hasText: 'a red mug' });
    await card.waitFor();
    await check(page, 'queue');
    await page.locator('#line').fill('/imagine a green house');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#line').inputValue(), '', 'Escape acts on the line first');
    await page.keyboard.press('ArrowUp');
    assert.equal(await page.locator('#line').inputValue(), '/imagine a green house');
    await prints(page).first().waitFor();
    await page.getByText('You have no queued or running jobs.').waitFor();
    await page.reload();
    await prints(page).first().waitFor();
    assert.equal(await page.locator('#line').inputValue(), '/imagine a green house');
    await page.locator('#line').fill('');
    await check(page, 'done');
  });

  test('a private answer stands below its picture and can be dismissed; buttons keep the focus', async () => {
    const picture = messages().filter({ has: page.locator('button.print') });
    await button('More').click();
    await page.getByRole('menuitem', { name: 'Recipe', exact: true }).click();
    const recipe = picture.locator('.message-asides section');
    await recipe.getByText('--seed 1').first().waitFor();
    assert.match((await page.locator('#announcer').textContent()) ?? '', /a red mug on a table/);
    await check(page, 'recipe');
    await recipe.getByRole('button', { name: 'Dismiss' }).click();
    await recipe.waitFor({ state: 'detached' });
    await picture.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.locator('#line').fill('a blue mug on a table --steps 2 --seed 2');
    await check(page, 'reply');
    await page.keyboard.press('Enter');
    await prints(page).nth(1).waitFor();
    const origin = page.locator('.origin').first();
    assert.match((await origin.textContent()) ?? '', /From.*a red mug on a table/);
    await check(page, 'edit');
    await button('Vary').last().focus();
    await page.keyboard.press('Enter');
    await prints(page).nth(2).waitFor();
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Vary');
  });

  test('a grid; the viewer shows each picture with its own seed, all actions and a way back', async () => {
    await say('/imagine a yellow boat on the sea --seed 7 --steps 2 --n 4');
    await page.locator('.prints.many').waitFor();
    // Each place fills by itself: some are there, one comes up, the others wait.
    if (PHOTOS !== undefined) await prints(page).nth(3).waitFor();
    await check(page, 'grid-running');
    await prints(page).nth(6).waitFor();
    const names = await prints(page).evaluateAll((all) =>
      all.slice(-4).map((one) => one.getAttribute('alt')),
    );
    assert.equal(new Set(names).size, 4);
    await check(page, 'grid');
    await prints(page).nth(5).click();
    const viewer = page.locator('#viewer');
    await viewer.getByText('seed 9').waitFor();
    await check(page, 'viewer');
    const labels = await viewer.locator('.viewer-actions button').allTextContents();
    for (const label of ['Vary', 'Edit']) assert.ok(labels.includes(label), labels.join());
    await viewer.getByRole('button', { name: 'Compare' }).click();
    const slider = viewer.getByRole('slider', { name: /earlier picture/ });
    await slider.press('ArrowRight');
    assert.equal(await slider.inputValue(), '51');
    assert.match((await viewer.locator('.compare').getAttribute('style')) ?? '', /--at: 51%/);
    assert.equal(await viewer.locator('.compare img').count(), 2);
    await check(page, 'viewer-compare');
    await viewer.getByRole('button', { name: 'Compare' }).click();
    await slider.waitFor({ state: 'hidden' });
    const address = page.url();
    assert.match(address, /#message-[0-9a-z]+-3$/);
    await viewer.getByRole('button', { name: 'Show in chat' }).click();
    await page.locator('.message.target').waitFor();
    await page.locator('#open-sheet').click();
    assert.equal(await page.locator('#sheet .frame').count(), 7);
    await check(page, 'sheet');
    await page.keyboard.press('Escape');
    const [other, visitor] = await open('light', 360);
    await visitor.goto(`${address}`);
    await visitor.reload();
    await visitor.locator('#viewer[open]').getByText('시드 9').waitFor();
    await check(visitor, 'viewer-phone');
    await visitor.keyboard.press('Escape');
    await visitor.locator('#viewer:not([open])').waitFor({ state: 'attached' });
    await visitor.evaluate('scrollTo(0, 1e6)');
    await check(visitor, 'done-phone');
    await visitor.getByRole('button', { name: '더 보기', exact: true }).last().click();
    await visitor.getByRole('menuitem', { name: '레시피' }).waitFor();
    await check(visitor, 'more-phone');
    await visitor.keyboard.press('Escape');
    await visitor.locator('#open-sheet').click();
    await visitor.getByText('그림 7장').waitFor();
    await check(visitor, 'sheet-phone');
    await visitor.keyboard.press('Escape');
    await visitor.locator('#open-you').click();
    await check(visitor, 'you-phone');
    await visitor.keyboard.press('Escape');
    await visitor.getByRole('button', { name: '편집', exact: true }).last().click();
    await visitor.getByRole('button', { name: '칠하기', exact: true }).click();
    await visitor.getByText('0% 칠함').waitFor();
    await check(visitor, 'painter-phone');
    await visitor.keyboard.press('Escape');
    await visitor.locator('#line').pressSequentially('/');
    await visitor.getByRole('option', { name: '/imagine' }).waitFor();
    await check(visitor, 'menu-phone');
    await other.close();
  });

  test('the menu completes values and says what they are good for', async () => {
    await page.locator('#line').fill('');
    await page.locator('#line').pressSequentially('a mug --sampler dpmpp_2m');
    await page.getByRole('option', { name: /dpmpp_2m_sde.*fine details/ }).waitFor();
    await check(page, 'menu');
    await page.locator('#line').fill('');
    await page.locator('#line').pressSequentially('a mug --style pix');
    await page.getByRole('option', { name: /pixel art/ }).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.locator('#line').inputValue(), 'a mug --style "pixel art" ');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
  });

  test('the settings beside the line write its flags and read them', async () => {
    const line = page.locator('#line');
    await line.fill('a red mug --steps 12');
    await button('Settings').click();
    const steps = page.getByRole('spinbutton', { name: 'steps' });
    assert.equal(await steps.inputValue(), '12');
    assert.match((await page.locator('#panel-steps-hint').textContent()) ?? '', /1 to \d+/);
    await steps.fill('20');
    await page.getByRole('combobox', { name: 'sampler' }).selectOption('euler');
    await page.getByRole('textbox', { name: 'no', exact: true }).fill('clouds and rain');
    assert.equal(await line.inputValue(), 'a red mug --steps 20 --sampler euler --no "clouds and rain"');
    await check(page, 'panel');
    // Out of the line, out of the panel; and the other way round.
    await line.fill('a red mug --sampler heun');
    assert.equal(await steps.inputValue(), '');
    assert.equal(await page.getByRole('combobox', { name: 'sampler' }).inputValue(), 'heun');
    await page.getByRole('combobox', { name: 'sampler' }).selectOption('');
    assert.equal(await line.inputValue(), 'a red mug');
    await steps.press('Escape');
    await page.locator('#panel').waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate('document.activeElement.id'), 'open-panel');
    const [other, phone] = await open('light', 360);
    await phone.getByRole('button', { name: '설정' }).click();
    await phone.getByRole('spinbutton', { name: 'steps' }).waitFor();
    await check(phone, 'panel-phone');
    await other.close();
    await line.fill('');
  });

  test('a refusal, and a form', async () => {
    await say('/imagine a mug --sampler eulr');
    await page.locator('#refusal').filter({ hasText: 'euler' }).waitFor();
    await check(page, 'refusal');
    await page.locator('#line').fill('');
    const [other, phone] = await open('light', 360);
    await phone.locator('#line').fill('/imagine a mug --sampler eulr');
    await phone.keyboard.press('Enter');
    await phone.locator('#refusal').filter({ hasText: 'euler' }).waitFor();
    await check(phone, 'refusal-phone');
    await other.close();
  });

  test('the page says each of its sentences as the server does, in both languages', async () => {
    const keys = (Object.keys(CATALOGUE.en) as Key[]).filter((key) => /^(?:page|button)\./.test(key));
    const [other, phone] = await open('light', 360);
    for (const [one, locale] of [
      [page, 'en'],
      [phone, 'ko'],
    ] as const) {
      for (const count of [1, 4321]) {
        const args = { alt: 'x', label: 'x', name: 'x', kind: 'lineart', number: count, count, min: 0.5 };
        const all = { ...args, max: count, message: 'x', footer: 'x', words: 'x', status: 500, time: 'x' };
        const given = { ...all, percent: 3, seed: 12_345, reason: 'x' };
        const said = await one.evaluate<string[]>(
          `import('./say.js').then(({ say }) => ${JSON.stringify(keys)}.map((key) => say(key, ${JSON.stringify(given)})))`,
        );
        const expected = keys.map((key) => sayIn(locale).words({ key, args: given }));
        assert.deepEqual(said, expected);
        assert.ok(!said.some((words) => words.includes('undefined')));
      }
    }
    await other.close();
  });

  test('no script failed on the way', async () => {
    await desktop.close();
    assert.deepEqual(faults, []);
  });
});
