/** The menus and forms of pictures and buttons: More, Use as, a grid's numbers, what a button asks, subcommands. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { App } from '../../src/app.ts';
import { eventually, PATIENCE } from '../patience.ts';
import { launchBrowser, recordSent, type Sent, skip, startFreshApp } from './browser.ts';

describe('menus and forms', { skip }, () => {
  let app: App;
  let browser: Browser;
  let page: Page;
  let sent: () => Promise<Sent[]>;

  before(async () => {
    app = await startFreshApp();
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1000, height: 900 }, reducedMotion: 'reduce' });
    page.setDefaultTimeout(PATIENCE);
    sent = await recordSent(page);
    await page.goto(app.url);
    await page.locator('#empty').waitFor();
  });
  after(async () => {
    await browser?.close();
    await app?.stop();
  });

  const prints = () => page.locator('#conversation .bot button.print img:not(.latent)');
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const item = (name: string) => page.getByRole('menuitem', { name, exact: true });
  const focused = () => page.evaluate('document.activeElement.textContent || document.activeElement.id');
  async function say(words: string): Promise<void> {
    await page.locator('#line').fill(words);
    await page.keyboard.press('Enter');
  }

  test('More is walked by arrows, Escape gives the focus back, and a deletion can be undone', async () => {
    await say('/imagine a green house --seed 2 --steps 1');
    await prints().first().waitFor();
    await button('More').focus();
    await page.keyboard.press('ArrowDown');
    await item('Re-roll').waitFor();
    assert.equal(await focused(), 'Re-roll');
    await page.keyboard.press('ArrowUp');
    assert.equal(await focused(), 'Delete');
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('menu').count(), 0);
    assert.equal(await focused(), 'More');
    await page.keyboard.press('Enter');
    await item('Delete').click();
    await prints().first().waitFor({ state: 'detached' });
    await button('Undo').click();
    await prints().first().waitFor();
    // The words, and with them their answer and its picture.
    const words = page.locator('#conversation > li').filter({ hasText: '/imagine a green house' });
    await words.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('Deleted.').waitFor();
    assert.equal(await focused(), 'Undo');
    assert.equal(await prints().first().isVisible(), false);
    await page.keyboard.press('Enter');
    await prints().first().waitFor();
    await words.getByRole('button', { name: 'Delete', exact: true }).click();
    // Whoever leaves the page meant it.
    await page.reload();
    await page.locator('#empty').waitFor();
  });

  test('a grid has U and V with numbers in two rows; a number draws of that picture', async () => {
    await say('/imagine a red boat on the sea --seed 3 --steps 4 --n 2');
    await prints().nth(1).waitFor();
    const rows = await page
      .locator('.message-actions .action-row')
      .filter({ hasNotText: 'Undo' })
      .evaluateAll((all) => all.map((row) => [...row.children].map((one) => one.textContent)));
    assert.deepEqual(rows, [
      ['U1', 'U2', 'Re-roll'],
      ['V1', 'V2', 'More'],
    ]);
    await button('V2').click();
    await prints().nth(2).waitFor();
  });

  /** Asked from here: the page's policy lets nothing be evaluated again and again in it. */
  const sentMoreThan = async (count: number) => {
    await eventually(`more than ${count} messages are sent`, async () => (await sent()).length > count);
  };

  test('Use as takes a kind, and the words go as /imagine with --control, a reply to the picture', async () => {
    await button('Use as\u2026').last().click();
    await item('Edges').waitFor();
    assert.equal(await page.getByRole('menuitem').count(), 1, 'what this model can follow');
    await item('Edges').click();
    await page.getByText('Use as edges').waitFor();
    assert.equal(await focused(), 'line');
    await page.keyboard.type('a knight --seed 4');
    await page.keyboard.press('Enter');
    await sentMoreThan(1);
    const { text, reply_to } = (await sent()).at(-1)!;
    assert.equal(text, '/imagine a knight --seed 4 --control canny');
    assert.ok(reply_to);
    // The embedded model may have no ControlNet: then the words stay, with the sentence that says so.
    for (const key of ['Escape', 'Escape']) await page.keyboard.press(key);
    await page.locator('#line').fill('');
  });

  test('another picture than the first is named in the reply', async () => {
    await prints().nth(1).click();
    await page.locator('#viewer[open]').waitFor();
    await page.locator('#viewer').getByRole('button', { name: 'Use as\u2026' }).click();
    await item('Edges').click();
    await page.getByText('Use as edges').waitFor();
    await page.locator('#line').fill('a lighthouse');
    const count = (await sent()).length;
    await page.keyboard.press('Enter');
    await sentMoreThan(count);
    const { text, reply_to, files } = (await sent()).at(-1)!;
    assert.equal(text, '/imagine a lighthouse --control canny');
    assert.match(String(reply_to), /-2$/);
    assert.equal(files.length, 0);
    for (const key of ['Escape', 'Escape']) await page.keyboard.press(key);
    await page.locator('#line').fill('');
  });

  test('the slash menu goes on into subcommands and the values that they know', async () => {
    await page.locator('#line').focus();
    await page.keyboard.type('/config s');
    await page.getByRole('option', { name: '/config set' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    assert.equal(await page.locator('#line').inputValue(), '/config set ');
    await page.getByRole('option', { name: 'default_model' }).waitFor();
    await page.keyboard.type('default_st');
    await page.getByRole('option', { name: 'default_steps' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    assert.equal(await page.locator('#line').inputValue(), '/config set default_steps ');
    await page.locator('#line').fill('');
  });

  test('what a button asks opens under its message and goes with the action', async () => {
    const bodies: unknown[] = [];
    let isRefused = true;
    await page.route('**/api/messages?*', (route) => route.fulfill({ json: [MESSAGE_WITH_FORM] }));
    await page.route('**/api/actions', (route) => {
      bodies.push(route.request().postDataJSON());
      const refused = { status: 400, json: { error: { code: 'bad_request', message: 'Not that loud.' } } };
      return route.fulfill(isRefused ? refused : { status: 202, json: {} });
    });
    await page.reload();
    await button('Tune').click();
    const form = page.getByRole('form', { name: 'Tune it' });
    await form.waitFor();
    await page.keyboard.press('Escape');
    await form.waitFor({ state: 'detached' });
    await button('Tune').click();
    await form.getByLabel('Words').fill('softly');
    await form.getByLabel('Strength').fill('0.4');
    await form.getByLabel('Kind').selectOption('b');
    await form.getByRole('button', { name: 'Tune' }).click();
    await page.locator('#refusal').filter({ hasText: 'Not that loud.' }).waitFor();
    assert.equal(await form.getByLabel('Words').inputValue(), 'softly', 'a refused form stays');
    isRefused = false;
    await form.getByRole('button', { name: 'Tune' }).click();
    await form.waitFor({ state: 'detached' });
    assert.deepEqual(bodies.at(-1), {
      message: 'm1',
      action: 'tune:1',
      values: { words: 'softly', strength: 0.4, kind: 'b' },
    });
  });
});

const MESSAGE_WITH_FORM = {
  id: 'm1',
  at: '2026-01-01T00:00:00Z',
  author: { id: 'darkroom', name: 'Darkroom', bot: true },
  text: 'A message with a form.',
  pictures: [],
  actions: [
    {
      id: 'tune:1',
      label: 'Tune',
      form: {
        title: 'Tune it',
        fields: [
          { name: 'words', label: 'Words', kind: 'words', required: true },
          { name: 'note', label: 'Note', kind: 'words', required: false },
          {
            name: 'strength',
            label: 'Strength',
            kind: 'number',
            required: false,
            value: 0.7,
            min: 0,
            max: 1,
          },
          {
            name: 'kind',
            label: 'Kind',
            kind: 'choice',
            required: true,
            choices: [
              { value: 'a', label: 'First' },
              { value: 'b', label: 'Second' },
            ],
          },
          { name: 'mask', label: 'Mask', kind: 'picture', required: false },
        ],
      },
    },
  ],
};
