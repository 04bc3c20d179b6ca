/**
 * The operator's pages in a real browser: the first start's page on loopback makes its reader the operator and names
 * what is missing with its command; nobody else sees them; axe finds nothing, on a desktop in the dark and on a phone on paper.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, BrowserContext } from 'playwright-core';
import type { App } from '../../src/app.ts';
import { PATIENCE } from '../patience.ts';
import { assertAccessible, launchBrowser, skip, startFreshApp } from './browser.ts';

let app: App;
let browser: Browser;
before(async () => {
  if (skip !== false) return;
  [app, browser] = await Promise.all([startFreshApp(), launchBrowser()]);
});
after(async () => {
  await browser?.close();
  await app?.stop();
});

async function look(context: BrowserContext, path: string, state: string): Promise<string> {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`${app.url}${path}`);
  await assertAccessible(page, state);
  return (await page.textContent('main')) ?? '';
}

test('welcome and status, for the operator and for nobody else', { skip }, async () => {
  const desktop = await browser.newContext({
    ...{ viewport: { width: 1280, height: 900 }, colorScheme: 'dark', bypassCSP: true },
  });
  const welcome = await look(desktop, '/welcome', 'welcome-desktop');
  assert.match(welcome, /One thing needs your attention: your models\./);
  assert.match(welcome, /Devices.*cpu.*ready float32/s);
  assert.match(welcome, /darkroom models add OWNER\/NAME/);
  assert.match(welcome, /Discord.*off DISCORD_TOKEN is not set.*darkroom doctor --discord/s);
  assert.doesNotMatch(welcome, /Queue/);
  const status = await look(desktop, '/status', 'status-desktop');
  assert.match(status, /Queue.*jobs.*0 run, 0 wait.*workers.*1.*database.*embedded/s);

  // The same operator on a small window in light; then somebody else on this machine.
  const phone = await browser.newContext({
    ...{ viewport: { width: 360, height: 740 }, colorScheme: 'light', bypassCSP: true },
    storageState: await desktop.storageState(),
  });
  await look(phone, '/status', 'status-phone');
  const other = await browser.newContext({ bypassCSP: true });
  for (const path of ['/welcome', '/status']) {
    assert.match(await look(other, path, 'not-allowed'), /Not allowed.*Only the operator and admins/s);
  }
});
