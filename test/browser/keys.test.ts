/** The prompt line by keys alone, and what comes onto it by hand: menu, flags, recall, Escape, a dropped file. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { loadSettings } from '../../config/settings.ts';
import { type App, startApp } from '../../src/app.ts';
import { createLogger } from '../../src/log.ts';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const skip = existsSync(CHROMIUM)
  ? false
  : `there is no ${CHROMIUM}: install Debian's chromium, or name another in CHROMIUM`;
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
/** A picture takes seconds; a busy machine may need many. */
const PATIENCE = 60_000;

describe('the prompt line', { skip }, () => {
  let app: App;
  let browser: Browser;
  let page: Page;

  before(async () => {
    const env = { DARKROOM_DATA: mkdtempSync(join(tmpdir(), 'darkroom-keys-')), DARKROOM_PORT: '0' };
    const { settings } = loadSettings(env);
    app = await startApp({ settings, log: createLogger('silent', false) });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(' ') });
    page = await browser.newPage({ viewport: { width: 1000, height: 900 }, reducedMotion: 'reduce' });
    page.setDefaultTimeout(PATIENCE);
    await page.goto(app.url);
    await page.locator('#empty').waitFor();
  });
  after(async () => {
    await browser?.close();
    await app?.stop();
  });

  const line = () => page.locator('#line').inputValue();
  const focused = () => page.evaluate('document.activeElement.id');

  test('the menu completes a command and a flag, Enter sends, arrow-up recalls, Escape clears', async () => {
    await page.keyboard.type('/im');
    await page.getByRole('option', { name: /\/imagine/ }).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await line(), '/imagine ');
    await page.keyboard.type('a green house --ste');
    await page.getByRole('option', { name: /--steps/ }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type('2');
    await page.keyboard.press('Enter');
    await page.locator('button.print img:not(.latent)').waitFor();
    await page.keyboard.press('ArrowUp');
    assert.equal(await line(), '/imagine a green house --steps 2');
    await page.keyboard.press('Escape');
    assert.equal(await line(), '');
  });

  test('a reply begins at the prompt line, and Escape drops it', async () => {
    await page.getByRole('button', { name: 'Edit', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.locator('#reply').waitFor();
    assert.equal(await focused(), 'line');
    await page.keyboard.press('Escape');
    await page.locator('#reply').waitFor({ state: 'hidden' });
  });

  test('a running job says its numbers, and Escape cancels it', async () => {
    await page.locator('#line').fill('/imagine a yellow boat on the sea --steps 150');
    await page.keyboard.press('Enter');
    const bar = page.getByRole('progressbar');
    await bar.waitFor();
    assert.match((await bar.getAttribute('aria-valuetext')) ?? '', /in line|Step \d+ of 150/);
    await page.keyboard.press('Escape');
    await page.getByText('Cancelled.').first().waitFor();
  });

  test('a picture can be dropped anywhere; a file that is none is refused by name', async () => {
    const drop = (name: string, type: string) =>
      page.evaluate(`{
        const data = new DataTransfer();
        data.items.add(new File(['x'], '${name}', { type: '${type}' }));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true }));
      }`);
    await drop('cup.png', 'image/png');
    await page.getByRole('button', { name: 'Remove cup.png' }).waitFor();
    await drop('notes.txt', 'text/plain');
    await page.locator('#refusal').filter({ hasText: 'notes.txt is no picture' }).waitFor();
  });
});
