/** Times in cards: each reader's own where the platform shows them, and the reader's zone where it is known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderCard as renderDiscord } from '../../adapters/discord/render.ts';
import { renderCard as renderSlack } from '../../adapters/slack/render.ts';
import { markTime } from '../../adapters/times.ts';
import { startCommands } from '../commands/harness.ts';

const AT = Date.UTC(2026, 10, 27, 17, 5);
const SECONDS = AT / 1000;
const IN_SLACK = `<!date^${SECONDS}^{date_short_pretty} {time}|2026-11-27 17:05 UTC>`;

test('Discord and Slack show a time as their own, wherever it stands, and the rest is no markup', () => {
  const card = {
    text: `since ${markTime(AT)} <@U1> *b*`,
    fields: [{ name: `${markTime(AT)}, ada`, value: `5 -> 6 (ada, ${markTime(AT)})` }],
  };
  const [words] = renderDiscord(card, []).components as { content: string }[];
  assert.equal(words!.content.split(`<t:${SECONDS}:f>`).length, 4);
  assert.ok(!/<@U1>|[\u{E000}\u{E001}]/u.test(words!.content), words!.content);
  const { text, blocks } = renderSlack(card, []);
  assert.equal(text, 'since 2026-11-27 17:05 UTC &lt;@U1&gt; *b*');
  const [head, field] = blocks as { text: { type: string; text: string } }[];
  assert.ok(head!.text.text.startsWith(`since ${IN_SLACK} &lt;@U1&gt; `), head!.text.text);
  assert.equal(field!.text.text, `*${IN_SLACK}, ada*\n5 -&gt; 6 (ada, ${IN_SLACK})`);
});

test('of a text that is too long no half of a time is left', () => {
  const field = {
    name: 'roles',
    value: Array(2000)
      .fill(`a ${markTime(AT)}`)
      .join('\n'),
  };
  for (let more = 0; more < 20; more++) {
    const card = { text: 'x'.repeat(more), fields: [field] };
    const shown = JSON.stringify([renderDiscord(card, []).components, renderSlack(card, []).blocks]);
    const rest = shown.replaceAll(`<t:${SECONDS}:f>`, '').replaceAll(IN_SLACK, '');
    assert.ok(!/<[t!]|[\u{E000}\u{E001}]/u.test(rest), `${more}`);
    for (const part of [...renderSlack(card, []).blocks, ...renderDiscord(card, []).components]) {
      const { text, content } = part as { text?: { text: string }; content?: string };
      assert.ok((content ?? text!.text).length <= (text === undefined ? 4000 : 3000));
    }
  }
});

test('in the web chat a time is in the zone of its reader, and in UTC where nobody says it', async () => {
  const chat = startCommands();
  const where = { isAdmin: true };
  await chat.say('/config set default_steps 24', { where });
  Object.assign(chat.changes[0]!, { at: AT });
  const shown = async (zone?: string, locale?: string) => {
    const said = {
      platform: 'web',
      where: { ...where, ...(zone && { zone }), ...(locale && { locale }) },
    } as const;
    return (await chat.say('/config history', said)).ephemeral[0]!.fields![0]!.name.replaceAll('\u202f', ' ');
  };
  assert.match(await shown('Asia/Seoul'), /^Nov 28, 2026, 2:05 AM, /);
  assert.match(await shown('Asia/Seoul', 'ko'), /^2026\. 11\. 28\. 오전 2:05, /);
  assert.match(await shown(), /^2026-11-27 17:05 UTC, /);
});
