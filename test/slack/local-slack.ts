/**
 * A Slack on loopback: local-slack (MIT), one binary of 95 MB. It is no dependency, as it would weigh on everyone;
 * it is fetched from the npm registry when a test first needs it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../patience.ts';

const PACKAGE = `local-slack-${process.platform}-${process.arch}`;
const VERSION = '0.1.8';
const CACHE = new URL('../../node_modules/.cache/local-slack', import.meta.url).pathname;
const BINARY = join(CACHE, 'node_modules', PACKAGE, 'bin', 'local-slack');

export const BOT_TOKEN = 'xoxb-loopback';
export const APP_TOKEN = 'xapp-loopback';
export const SIGNING_SECRET = 'loopback-secret';
export const BOT_USER = 'U0BOT';
export const CHANNEL = 'C0GENERAL';

let fetched: Promise<string | undefined> | undefined;

/** @returns why there is no local Slack here, or undefined */
export function whyNoSlack(): Promise<string | undefined> {
  fetched ??= fetchBinary();
  return fetched;
}

async function fetchBinary(): Promise<string | undefined> {
  if (existsSync(BINARY)) return undefined;
  // Test files that run at the same time fetch it apart: none starts a binary that another one still writes.
  await mkdir(dirname(CACHE), { recursive: true });
  const folder = await mkdtemp(`${CACHE}-`);
  try {
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    const wanted = ['i', '--no-audit', '--no-fund', '--no-save', `${PACKAGE}@${VERSION}`];
    await promisify(execFile)('npm', wanted, { cwd: folder, timeout: 180_000 });
    await rename(folder, CACHE).catch((error: unknown) => {
      if (!existsSync(BINARY)) throw error;
    });
    return undefined;
  } catch (error) {
    return `${PACKAGE}@${VERSION} cannot be fetched from the npm registry (${String(error).split('\n')[0]})`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface LocalSlack extends AsyncDisposable {
  readonly url: string;
  /** Drives what a person does: `message`, `command`, `interact`. */
  // biome-ignore lint/suspicious/noExplicitAny: payloads of another program
  control(call: string, body: object): Promise<any>;
}

/** @param people names of users; `U_NAME` is the id of each. @param requestUrl where HTTP mode sends its events */
export async function startLocalSlack(people: readonly string[], requestUrl?: string): Promise<LocalSlack> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-slack-'));
  const users = people.map((name) => ({
    id: userId(name),
    name,
    real_name: name,
  }));
  const config = {
    workspace: { name: 'Loopback', domain: 'loopback', teamId: 'T0LOOP' },
    app: {
      appId: 'A0DARK',
      botUserId: BOT_USER,
      botName: 'darkroom',
      botToken: BOT_TOKEN,
      appToken: APP_TOKEN,
      signingSecret: SIGNING_SECRET,
      ...(requestUrl === undefined ? { mode: 'socket' } : { mode: 'events', requestUrl }),
    },
    users,
    channels: [{ id: CHANNEL, name: 'general', members: [...users.map(({ id }) => id), BOT_USER] }],
  };
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify(config));
  const port = await freePort();
  const args = [
    '--config',
    file,
    '--port',
    String(port),
    '--base-host',
    '127.0.0.1',
    '--files-dir',
    join(folder, 'files'),
  ];
  const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url, child);
  return {
    url,
    async control(call, body) {
      const init =
        body instanceof FormData
          ? { body }
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      const response = await fetch(`${url}/_control/${call}`, { method: 'POST', ...init });
      return await response.json();
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const userId = (name: string) => `U_${name.toUpperCase()}`;

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  await eventually('local-slack answers', async () => {
    if (child.exitCode !== null) throw new Error(`local-slack ended with ${child.exitCode}`);
    return (await fetch(`${url}/_control/state`).catch(() => undefined))?.ok;
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
