/** What doctor says of a platform, asked of the servers on loopback. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { checkDiscord } from '../../adapters/discord/checkup.ts';
import { BOT_PERMISSIONS } from '../../adapters/discord/limits.ts';
import { checkSlack, SCOPES } from '../../adapters/slack/checkup.ts';
import { DiscordServer, TOKEN } from '../discord/server.ts';
import { APP_TOKEN, BOT_TOKEN, startLocalSlack, whyNoSlack } from '../slack/local-slack.ts';

test('Discord: a good token, its servers and permissions; a wrong one and where to copy it', async () => {
  const server = new DiscordServer();
  await server.start();
  try {
    const found = await checkDiscord(TOKEN, server.url);
    assert.deepEqual(
      found.map(({ name }) => name),
      ['token', 'intents', 'loopback'],
    );
    assert.ok(found.every((one) => one.good));
    const wrong = await checkDiscord('wrong', server.url);
    assert.match(wrong[0]!.words, /not valid.*Reset Token/);
  } finally {
    await server.stop();
  }
  assert.match((await checkDiscord(TOKEN, 'http://127.0.0.1:9'))[0]!.words, /cannot be reached/);
});

test('Slack: tokens and connection', { skip: (await whyNoSlack()) ?? false }, async () => {
  await using slack = await startLocalSlack(['ada']);
  const url = `${slack.url}/api`;
  const found = await checkSlack({ botToken: BOT_TOKEN, appToken: APP_TOKEN, signingSecret: undefined }, url);
  assert.deepEqual(
    found.map(({ name }) => name),
    ['bot token', 'scopes', 'app token'],
  );
  const none = await checkSlack({ botToken: BOT_TOKEN, appToken: undefined, signingSecret: undefined }, url);
  assert.match(none.at(-1)!.words, /SLACK_APP_TOKEN for Socket Mode/);
});

test('the documents name what the program needs', async () => {
  const manifest = await readFile(new URL('../../config/slack-manifest.yaml', import.meta.url), 'utf8');
  const scopes = [...manifest.matchAll(/^ {6}- ([a-z_:.]+)$/gm)].map(([, scope]) => scope!);
  const events = ['app_mention', 'message.im', 'reaction_added', 'reaction_removed'];
  assert.deepEqual(scopes.filter((one) => !events.includes(one)).sort(), Object.keys(SCOPES).sort());
  const invite = await readFile(new URL('../../docs/discord.md', import.meta.url), 'utf8');
  const number = BOT_PERMISSIONS.reduce((sum, bit) => sum | bit, 0n);
  assert.ok(invite.includes(`permissions=${number}`));
});
