/** The prompt line by keys alone, and what comes onto it by hand: menu, flags, recall, Escape, a dropped file. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { App } from '../../src/app.ts';
import { PATIENCE } from '../patience.ts';
import { launchBrowser, skip, startFreshApp } from './browser.ts';

describe('the prompt line', { skip }, () => {
  let app: App;
  let browser: Browser;
  let page: Page;

  before(async () => {
    app = await startFreshApp();
    browser = await launchBrowser();
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
    await page.locator('[role=progressbar][aria-valuetext*="of 150"]').waitFor();
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
    await page.locator('#refusal').filter({ hasText: 'notes.txt is not a picture' }).waitFor();
  });
});
