/** The brush: a painted part of a picture becomes the mask of an inpainting, by mouse, finger and keys. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import sharp, { type Region } from 'sharp';
import type { App } from '../../src/app.ts';
import { PATIENCE } from '../patience.ts';
import { launchBrowser, recordSent, type Sent, skip, startFreshApp } from './browser.ts';

describe('the brush', { skip }, () => {
  let app: App;
  let browser: Browser;
  let page: Page;
  let sent: () => Promise<Sent[]>;

  before(async () => {
    app = await startFreshApp();
    browser = await launchBrowser();
    const context = await browser.newContext({
      viewport: { width: 1000, height: 900 },
      reducedMotion: 'reduce',
      hasTouch: true,
    });
    page = await context.newPage();
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
  const note = (text: string) => page.locator('#painter[open]').getByText(text, { exact: true }).waitFor();
  const tool = (name: string) => page.locator('#painter').getByRole('button', { name, exact: true });
  const closed = () => page.locator('#painter:not([open])').waitFor({ state: 'attached' });

  /** The n-th print's pixels, or a mask's. */
  async function grey(bytes: Buffer, region?: Region): Promise<Buffer> {
    const image = sharp(bytes).removeAlpha().greyscale();
    return (region ? image.extract(region) : image).raw().toBuffer();
  }
  async function printed(n: number): Promise<Buffer> {
    const url = new URL((await prints().nth(n).getAttribute('src'))!, app.url);
    return (await page.request.get(url.href)).body();
  }

  /** Drags over the picture; places in parts of its sides. */
  async function drag(...places: readonly (readonly [x: number, y: number])[]): Promise<void> {
    const box = (await page.locator('#painter canvas').boundingBox())!;
    for (const [i, [x, y]] of places.entries()) {
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 4 });
      if (i === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }

  test('a print is painted on, words are said, and only the painted part is drawn again', async () => {
    await page.locator('#line').fill('/imagine a red mug on a table, watercolor --seed 1 --steps 4');
    await page.keyboard.press('Enter');
    await prints().first().waitFor();
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByRole('button', { name: 'Paint', exact: true }).click();
    await note('0% painted');
    await drag([0.4, 0.5], [0.6, 0.5], [0.6, 0.6]);
    assert.equal(await tool('Send').isDisabled(), true, 'nothing is sent without words');
    await page.getByLabel('What should the painted part become?').fill('a blue cat');
    await page.keyboard.press('Enter');
    await prints().nth(1).waitFor();

    const { text, reply_to, files } = (await sent()).at(-1)!;
    assert.equal(text, 'a blue cat');
    assert.ok(reply_to);
    assert.deepEqual(
      files.map(({ name, type }) => [name, type]),
      [['mask.png', 'image/png']],
    );
    const mask = files[0]!.bytes;
    const { width, height } = await sharp(mask).metadata();
    assert.deepEqual([width, height], [512, 512]);
    const pixels = await grey(mask);
    assert.equal(pixels[256 * 512 + 256], 255, 'white where it was painted');
    assert.equal(pixels[40 * 512 + 40], 0, 'black elsewhere');

    const [before, after] = await Promise.all([printed(0), printed(1)]);
    const corner = { left: 0, top: 0, width: 128, height: 128 };
    assert.deepEqual(await grey(after, corner), await grey(before, corner), 'what was not painted is kept');
    const centre = { left: 232, top: 232, width: 48, height: 48 };
    assert.notDeepEqual(await grey(after, centre), await grey(before, centre));
  });

  test('an attached picture is painted by keys: undo, eraser, clear; a closed painter keeps the mask', async () => {
    const cup = await sharp({ create: { width: 320, height: 200, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    await page.locator('#pick').setInputFiles({ name: 'cup.png', mimeType: 'image/png', buffer: cup });
    const open = async () => {
      await page.getByRole('button', { name: 'cup.png' }).first().click();
      await page.getByRole('menuitem', { name: 'Paint what changes' }).click();
      await page.locator('#painter[open]').waitFor();
    };
    await open();
    await note('0% painted');
    await page.keyboard.press('Space');
    await note('1% painted');
    await page.keyboard.press('Control+z');
    await note('0% painted');
    for (let i = 0; i < 6; i++) await page.keyboard.press('Shift+ArrowRight');
    await note('5% painted');
    await page.keyboard.press('e');
    assert.equal(await tool('Eraser').getAttribute('aria-pressed'), 'true');
    await page.keyboard.press('Space');
    await note('4% painted');
    await tool('Clear').click();
    await note('0% painted');
    await tool('Undo').click();
    await note('4% painted');
    await page.keyboard.press('Escape');
    await closed();
    await page.getByText('Painted', { exact: true }).waitFor();
    await open();
    await note('4% painted');
    await page.keyboard.press('Escape');
    await closed();

    await page.locator('#line').fill('a green cup --steps 1');
    await page.keyboard.press('Enter');
    await prints().nth(2).waitFor();
    const { reply_to, files } = (await sent()).at(-1)!;
    assert.equal(reply_to, null);
    assert.deepEqual(
      files.map(({ name }) => name),
      ['cup.png', 'mask.png'],
    );
    const { width, height } = await sharp(files[1]!.bytes).metadata();
    assert.deepEqual([width, height], [320, 200]);
  });

  test('a finger paints at 360 pixels, where nothing sticks out; Escape drops the mask, then the reply', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByRole('button', { name: 'Edit', exact: true }).first().click();
    await page.getByRole('button', { name: 'Paint', exact: true }).click();
    await page.locator('#painter[open]').waitFor();
    const box = (await page.locator('#painter canvas').boundingBox())!;
    await page.touchscreen.tap(box.x + box.width / 4, box.y + box.height / 4);
    await note('2% painted');
    const outside = await page.evaluate(
      `[...document.querySelectorAll('#painter *')].filter((one) => one.getBoundingClientRect().right > innerWidth).length`,
    );
    assert.equal(outside, 0);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await closed();
    await page.getByText('Edit the painted part').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Edit the painted part').waitFor({ state: 'hidden' });
    await page.locator('#reply').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#reply').waitFor({ state: 'hidden' });
  });
});
