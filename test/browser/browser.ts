/** The real browser and the real program that the browser tests share. */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { loadSettings } from '../../config/settings.ts';
import { type App, startApp } from '../../src/app.ts';
import { createLogger } from '../../src/log.ts';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

/** Why the browser tests cannot run here, or false. */
export const skip = existsSync(CHROMIUM)
  ? false
  : `there is no ${CHROMIUM}: install Debian's chromium, or name another in CHROMIUM`;
/** A picture takes seconds; a busy machine may need many. */
export const PATIENCE = 60_000;

/** The program on a free port with an empty data folder, its engine and model the real ones. */
export function startFreshApp(): Promise<App> {
  const env = { DARKROOM_DATA: mkdtempSync(join(tmpdir(), 'darkroom-browser-')), DARKROOM_PORT: '0' };
  return startApp({ settings: loadSettings(env).settings, log: createLogger('silent', false) });
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(' ') });
}
