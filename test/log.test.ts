/** No line of the log has a prompt, a picture or a token, whatever error is logged. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiscordAPIError } from 'discord.js';
import { DarkroomError } from '../src/errors.ts';
import { createLogger } from '../src/log.ts';
import { openEmbedded } from '../src/store/embedded.ts';

const PROMPT = 'a portrait of MARKED "quoted" \'person\'';
const TOKEN = 'aW50ZXJhY3Rpb246MARKEDTOKEN';

function logged(error: unknown, terminal: boolean): string {
  let text = '';
  const log = createLogger('info', terminal, (line) => {
    text += line;
  });
  log.error({ err: error }, 'internal error');
  return text;
}

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

async function databaseErrors(): Promise<unknown[]> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-log-'));
  const database = await openEmbedded(folder);
  const errors: unknown[] = [];
  for (const [text, values] of [
    ['select $1::int', [PROMPT]],
    ['select $1::jsonb', [PROMPT]],
    ['select * from missing where name = $1', [PROMPT]],
    [`select '${PROMPT.replaceAll("'", "''")}'::uuid`, []],
  ] as const) {
    errors.push(await database.query(text, [...values]).catch((error: unknown) => error));
  }
  await database.close();
  rmSync(folder, { recursive: true, force: true });
  return errors;
}

test('errors of clients, of the database and our own are reduced before they are logged', async () => {
  const discord = new DiscordAPIError(
    { message: 'Unknown interaction', code: 10062 },
    10062,
    404,
    'POST',
    `https://discord.com/api/v10/interactions/1234567890/${TOKEN}/callback?with_response=true`,
    { body: { content: PROMPT }, files: [{ name: 'a.png', data: Buffer.from(PROMPT) }] },
  );
  const slack = Object.assign(new Error('An API error occurred: invalid_blocks'), {
    code: 'slack_webapi_platform_error',
    data: { ok: false, text: PROMPT, token: TOKEN },
  });
  const errors = [
    discord,
    slack,
    ...(await databaseErrors()),
    thrownBy(() => JSON.parse(PROMPT)),
    thrownBy(() => new URL(PROMPT)),
    new DarkroomError('bad_request', `There is no ${PROMPT}.`),
    new DarkroomError('internal', 'Something failed.', { cause: slack }),
    new AggregateError(
      [discord],
      PROMPT.replaceAll(/.*/g, (text) => `'${text}'`),
    ),
    Object.assign(new Error('fetch failed'), { url: `https://x.example/hooks/${TOKEN}?q=${PROMPT}` }),
    PROMPT,
    { prompt: PROMPT },
  ];
  for (const error of errors) {
    for (const terminal of [false, true])
      assert.doesNotMatch(logged(error, terminal), /MARKED|quoted|person/);
  }
  const { err } = JSON.parse(logged(discord, false)) as { err: Record<string, unknown> };
  assert.deepEqual(
    [err['code'], err['status'], err['method'], err['route']],
    ['10062', 404, 'POST', '/api/v10/interactions/…/…/callback'],
  );
  assert.match(logged(slack, true), /slack_webapi_platform_error, An API error occurred: invalid_blocks/);
});

test('what the operator needs stays: our own sentences, the file of a system error, where it happened', async () => {
  const ours = new DarkroomError('bad_model', 'models/x has no unet.', { cause: new Error('short read') });
  const { err } = JSON.parse(logged(ours, false)) as { err: Record<string, Record<string, unknown>> };
  assert.equal(err['message'], 'models/x has no unet.');
  assert.equal(err['cause']?.['message'], 'short read');
  assert.ok(Array.isArray(err['stack']) && err['stack'].length > 0);
  const missing = await import('node:fs/promises').then(({ readFile }) =>
    readFile('/nowhere/at/all').catch((error: unknown) => error),
  );
  const system = JSON.parse(logged(missing, false)) as { err: Record<string, unknown> };
  assert.deepEqual([system.err['code'], system.err['path']], ['ENOENT', '/nowhere/at/all']);
});
