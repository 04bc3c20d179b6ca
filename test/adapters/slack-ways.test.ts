/** What only Slack has: HTTP mode and its signatures, shortcuts, a bare command's form, retries, the shared budget. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Downloads } from '../../adapters/downloads.ts';
import { UpdateBudget } from '../../adapters/slack/budget.ts';
import type { SlackClient } from '../../adapters/slack/client.ts';
import { attachmentFor, pastedFiles } from '../../adapters/slack/files.ts';
import { renderCard, unescapeText } from '../../adapters/slack/render.ts';
import { hasPicture, until } from '../conformance/chat.ts';
import { type SlackChat, startSlack } from '../conformance/slack.ts';
import { CHANNEL, SIGNING_SECRET, userId, whyNoSlack } from '../slack/local-slack.ts';
import { pngOf } from './stand-in.ts';

/** A request as Slack signs it. */
function signed(body: string, { secret = SIGNING_SECRET, ageSeconds = 0 } = {}) {
  const at = String(Math.floor(Date.now() / 1000) - ageSeconds);
  const signature = `v0=${createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex')}`;
  return {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': at,
      'x-slack-signature': signature,
    },
  };
}

const command = (text: string) =>
  new URLSearchParams({
    command: '/imagine',
    text,
    user_id: userId('bo'),
    user_name: 'bo',
    channel_id: CHANNEL,
    channel_name: 'general',
    team_id: 'T0LOOP',
    trigger_id: `trigger-${text}`,
    response_url: 'http://127.0.0.1:9/none',
    api_app_id: 'A0DARK',
    token: 'x',
  }).toString();

/** Calls the message shortcut Edit picture, which the local Slack cannot do by itself. */
async function useShortcut(
  chat: SlackChat,
  message: { readonly ts: string; readonly files?: readonly object[] },
): Promise<void> {
  const payload = {
    type: 'message_action',
    callback_id: 'edit_picture',
    trigger_id: await chat.trigger('bo'),
    user: { id: userId('bo'), name: 'bo', team_id: 'T0LOOP' },
    team: { id: 'T0LOOP', domain: 'loopback' },
    channel: { id: CHANNEL, name: 'general' },
    message,
    message_ts: message.ts,
    response_url: 'http://127.0.0.1:9/none',
    token: 'x',
  };
  const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  assert.equal((await fetch(chat.eventsUrl, signed(body))).status, 200);
}

/** Until the only job there is has been cancelled. */
async function cancelled({ queue }: SlackChat): Promise<void> {
  const states: string[] = [];
  for await (const { state } of queue.watch(queue.jobs[0]!.id)) states.push(state);
  assert.equal(states.at(-1), 'cancelled');
}

/** As Copy link gives it. */
const linkTo = (host: string, channel: string, ts: string) =>
  `https://${host}/archives/${channel}/p${ts.replace('.', '')}`;

const reason = await whyNoSlack();

describe('Slack', { skip: reason ?? false, concurrency: 2 }, () => {
  it('takes a picture of the workspace whose address is pasted, and no other', async () => {
    await using chat = await startSlack('http');
    const { files } = await chat.share('cy', { name: 'cat.png', bytes: pngOf(64, 48) });
    const address = (team: string) => `https://files.slack.com/files-pri/${team}-${files[0].id}/cat.png`;
    await chat.say('bo', `a tiger ${address('T0LOOP')}`);
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a tiger');
    assert.equal(chat.queue.jobs[0]!.request.width, 64);
    await chat.type('bo', '/imagine', `a lion <${address('T0LOOP')}>`);
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a lion');
    assert.equal(chat.queue.jobs[1]!.request.width, 64);
    await chat.say('bo', `a fox ${address('T0OTHER')}`);
    const fox = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a fox');
    assert.match(fox.text, /not fetched from files\.slack\.com/);
    assert.deepEqual(chat.errors, []);
  });

  it('takes the picture of a message whose link is pasted, where the asker may read it', async () => {
    await using chat = await startSlack('http');
    const host = await chat.host();
    const { ts } = await chat.share('cy', { name: 'cat.png', bytes: pngOf(64, 48) });
    await chat.say('bo', `a tiger ${linkTo(host, CHANNEL, ts)}`);
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a tiger');
    assert.equal(chat.queue.jobs[0]!.request.width, 64);
    await chat.command('bo', 'imagine', { prompt: 'a red mug' });
    const mug = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a red mug');
    await chat.type('bo', '/darkroom', `edit make it blue <${linkTo(host, CHANNEL, mug.id)}>`);
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a blue mug');
    for (const where of [CHANNEL, 'C0SECRET']) {
      await chat.say('bo', `a fox ${linkTo(host, where, '1700000000.000100')}`);
      await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('cannot be read'));
    }
    await chat.say('bo', `a fox ${linkTo('other.slack.com', CHANNEL, ts)}`);
    const fox = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a fox');
    assert.match(fox.text, /not fetched from other\.slack\.com/);
    assert.deepEqual(chat.errors, []);
  });

  it('a file that somebody names by its address is read only where they see it', async () => {
    const home = { team: 'T1', host: 'acme.slack.com' };
    const read = pastedFiles(
      'a <https://acme.slack.com/files/U1/F01/cat.png|cat> <https://evil.example/files/U1/F02/x.png>',
      home,
    );
    assert.deepEqual(read.files, [{ id: 'F01', name: 'cat.png' }]);
    assert.equal(read.text, 'a   <https://evil.example/files/U1/F02/x.png>');
    const located: string[] = [];
    const downloads = {
      attachmentOf: (name: string, locate: () => Promise<{ url: string }>) => ({
        name,
        read: async () => void located.push((await locate()).url),
      }),
    } as unknown as Downloads;
    const attempt = async (file: object, isGuest = false) => {
      const client = { files: { info: async () => ({ file }) } } as unknown as SlackClient;
      const reader = { user: 'U1', channel: 'C1', isGuest: async () => isGuest };
      await attachmentFor(reader, read.files[0]!, client, downloads).read();
    };
    await attempt({ user: 'U2', is_public: true, url_private: 'public' });
    await attempt({ user: 'U1', url_private: 'own' }, true);
    await attempt({ user: 'U2', groups: ['C1'], url_private: 'here' }, true);
    assert.deepEqual(located, ['public', 'own', 'here']);
    await assert.rejects(attempt({ user: 'U2', ims: ['D2'] }), { code: 'not_found' });
    await assert.rejects(attempt({ user: 'U2', is_public: true, channels: ['C2'] }, true), /cannot see/);
  });

  it('does by HTTP what it does by Socket Mode', async () => {
    await using chat = await startSlack('http');
    await chat.command('bo', 'imagine', { prompt: 'a red mug', seed: 7 });
    const print = await until(chat, 'bo', hasPicture);
    await chat.press('bo', print, 'Edit', { prompt: 'a blue mug', strength: 0.5 });
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a blue mug');
  });

  it('refuses a wrong signature and an old one', async () => {
    await using chat = await startSlack('http');
    const wrong = await fetch(chat.eventsUrl, signed(command('a boat'), { secret: 'guessed' }));
    const old = await fetch(chat.eventsUrl, signed(command('a boat'), { ageSeconds: 6 * 60 }));
    assert.deepEqual([wrong.status, old.status], [401, 401]);
    assert.equal(chat.queue.jobs.length, 0);
  });

  it('takes what Slack sends again once', async () => {
    await using chat = await startSlack('http');
    const again = { 'x-slack-retry-num': '1', 'x-slack-retry-reason': 'http_timeout' };
    const request = signed(command('a boat'));
    for (const more of [{}, again]) {
      const answer = await fetch(chat.eventsUrl, { ...request, headers: { ...request.headers, ...more } });
      assert.equal(answer.status, 200);
    }
    await until(chat, 'bo', hasPicture);
    assert.equal(chat.queue.jobs.length, 1);
  });

  it('edits the picture of a message by its shortcut, and answers in its thread', async () => {
    await using chat = await startSlack('http');
    const message = await chat.share('cy', { name: 'cat.png', bytes: pngOf(64, 48) });
    await useShortcut(chat, message);
    await chat.fill('bo', { prompt: 'a tiger', strength: 0.5 });
    const print = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a tiger');
    assert.equal(print.place, `${CHANNEL}:${message.ts}`);
    assert.equal(chat.queue.jobs[0]!.request.width, 64);
  });

  it('asks by a form where /imagine comes alone', async () => {
    await using chat = await startSlack('socket');
    await chat.command('bo', 'imagine');
    await chat.fill('bo', { prompt: 'a red mug', style: 'watercolor' });
    const print = await until(chat, 'bo', hasPicture);
    assert.equal(print.pictures[0]!.alt, 'a red mug, watercolor painting');
  });

  it('brings the picture through a storm of 429, and leaves progress out instead of queueing it', async () => {
    await using chat = await startSlack('socket');
    chat.queue.held = true;
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    chat.api.faults.push({ call: 'chat.update', retryAfter: 1, times: 2 });
    chat.queue.develop(chat.queue.jobs[0]!);
    await until(chat, 'bo', hasPicture);
    assert.deepEqual(chat.errors, []);
  });

  it('waits until an uploaded picture may be shown', async () => {
    await using chat = await startSlack('socket');
    chat.api.faults.push({ call: 'chat.update', error: 'invalid_blocks', times: 2 });
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    await until(chat, 'bo', hasPicture);
  });

  it('tells in private where it may not post, and the job ends before GPU time', async () => {
    await using chat = await startSlack('socket');
    chat.queue.held = true;
    chat.api.faults.push({ call: 'chat.postMessage', error: 'not_in_channel', times: 1 });
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    const refusal = await until(chat, 'bo', ({ text }) => text.includes('/invite'));
    assert.equal(refusal.isPrivate, true);
    await cancelled(chat);
  });

  it('says why in a direct message where the channel takes no answer at all', async () => {
    await using chat = await startSlack('socket');
    for (const [error, words] of [
      ['is_archived', /This channel is archived/],
      ['restricted_action', /Only some members can post/],
      ['missing_scope', /lacks a permission/],
    ] as const) {
      chat.api.faults.push({ call: 'chat.postMessage', error, times: 1 });
      chat.api.faults.push({ call: 'chat.postEphemeral', error, times: 1 });
      await chat.say('bo', `a boat, ${error}`);
      const refusal = await until(chat, 'bo', ({ text }) => words.test(text));
      assert.ok(refusal.isPrivate && refusal.place.startsWith('D'), refusal.place);
    }
    // The answer stands; only the mention beside it is refused.
    await chat.command('bo', 'notify', { when: 'on' });
    await until(chat, 'bo', ({ text }) => text.includes('You are mentioned'));
    const error = 'restricted_action_thread_locked';
    chat.api.faults.push({ call: 'chat.postMessage', error, times: 1, passes: 1 });
    await chat.say('bo', 'a ship');
    await until(chat, 'bo', hasPicture);
    const told = await until(chat, 'bo', ({ text }) => text.includes('your picture is ready.'));
    assert.equal(told.isPrivate, true);
    assert.deepEqual(chat.errors, []);
  });

  it('leaves the answer in its head message where Slack refuses the thread', async () => {
    await using chat = await startSlack('socket');
    await chat.command('ada', 'config set', { setting: 'thread_per_request', value: 'on' });
    await until(chat, 'ada', ({ text }) => text.includes('thread_per_request'));
    const error = 'restricted_action_non_threadable_channel';
    chat.api.faults.push({ call: 'chat.postMessage', error, times: 1, passes: 1 });
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    const print = await until(chat, 'bo', hasPicture);
    assert.equal(print.place, CHANNEL);
    const others = (await chat.seenBy('bo')).filter(({ id, isPrivate }) => id !== print.id && !isPrivate);
    assert.deepEqual(others, []);
    assert.deepEqual(chat.errors, []);
  });

  it('cancels a job whose message was deleted', async () => {
    await using chat = await startSlack('socket');
    chat.queue.held = true;
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    chat.api.faults.push({ call: 'chat.update', error: 'message_not_found', times: 99 });
    chat.queue.emit(chat.queue.jobs[0]!.id, { state: 'running', step: 1, steps: 20, etaSeconds: 2 });
    await cancelled(chat);
  });

  it('says so where a picture is gone', async () => {
    await using chat = await startSlack('http');
    await useShortcut(chat, { ts: '1.0', files: [{ id: 'F0GONE', mimetype: 'image/png' }] });
    await chat.fill('bo', { prompt: 'a tiger' });
    await until(chat, 'bo', ({ text }) => text.includes('no longer exists'));
    assert.equal(chat.queue.jobs.length, 0);
  });

  it('finds a message that was not noted before a crash in its thread', async () => {
    await using chat = await startSlack('socket');
    const { ts } = await chat.share('cy', { name: 'cat.png', bytes: pngOf(64, 48) });
    chat.queue.held = true;
    chat.dying.beforeNote = true;
    await chat.sayIn(ts, 'bo', 'a tiger');
    const waiting = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    assert.equal(waiting.place, `${CHANNEL}:${ts}`);
    await chat.restart();
    const print = await until(chat, 'bo', hasPicture);
    assert.deepEqual([print.id, print.place], [waiting.id, waiting.place]);
    assert.ok(chat.api.log.includes('conversations.replies'));
    assert.equal((await chat.seenBy('bo')).length, 1);
  });

  it('uses a head message again that stood without its answer at a crash, and one that stood with it', async () => {
    await using chat = await startSlack('socket');
    await chat.command('ada', 'config set', { setting: 'thread_per_request', value: 'on' });
    await until(chat, 'ada', ({ text }) => text.includes('thread_per_request'));
    const before = new Set((await chat.seenBy('bo')).map(({ id }) => id));
    for (const stopsAt of ['answer', 'note']) {
      chat.queue.held = true;
      if (stopsAt === 'note') chat.dying.beforeNote = true;
      else chat.api.stalls.push({ call: 'chat.postMessage', passes: 1 });
      await chat.command('bo', 'imagine', { prompt: `a boat at the ${stopsAt}` });
      const head = await until(chat, 'bo', ({ text }) => text === `a boat at the ${stopsAt}`);
      if (stopsAt === 'note') await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
      await chat.restart();
      const print = await until(chat, 'bo', (one) => hasPicture(one) && !before.has(one.id));
      assert.equal(print.place, `${CHANNEL}:${head.id}`);
      const added = (await chat.seenBy('bo')).filter(({ id }) => !before.has(id));
      assert.deepEqual(new Set(added.map(({ id }) => id)), new Set([head.id, print.id]));
      for (const { id } of added) before.add(id);
    }
  });

  it('finds a private answer that was not noted before a crash', async () => {
    await using chat = await startSlack('socket');
    await chat.command('ada', 'config set', { setting: 'result_visibility', value: 'private' });
    await until(chat, 'ada', ({ text }) => text.includes('result_visibility'));
    chat.queue.held = true;
    chat.dying.beforeNote = true;
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    const waiting = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    await chat.restart();
    const print = await until(chat, 'bo', hasPicture);
    assert.deepEqual([print.id, print.isPrivate], [waiting.id, true]);
  });

  it('answers anew after a crash where Slack refuses to be read', async () => {
    await using chat = await startSlack('socket');
    chat.queue.held = true;
    chat.dying.beforeNote = true;
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    chat.api.faults.push({ call: 'conversations.history', error: 'missing_scope', times: 1 });
    await chat.restart();
    await until(chat, 'bo', hasPicture);
    assert.equal(chat.errors.length, 1);
  });

  it('acknowledges an event without asking Slack for anything first', async () => {
    await using chat = await startSlack('socket');
    for (const words of ['a boat', 'a ship', 'a mug']) {
      await chat.command('bo', 'imagine', { prompt: words });
      await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === words);
    }
    const asked = (call: string) => chat.api.log.filter((one) => one === call).length;
    // Who the bot is, once at the start; who asks, and in which groups, once for all three.
    assert.deepEqual([asked('auth.test'), asked('users.info'), asked('usergroups.list')], [1, 1, 1]);
  });

  it('ends a message that Slack refuses for good, instead of trying it for ever', async () => {
    await using chat = await startSlack('socket');
    chat.queue.held = true;
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    chat.api.faults.push({ call: 'chat.update', error: 'msg_too_long', times: 99 });
    chat.queue.emit(chat.queue.jobs[0]!.id, { state: 'running', step: 1, steps: 20, etaSeconds: 2 });
    await cancelled(chat);
    assert.deepEqual(chat.errors, []);
  });

  it('takes all other commands as /darkroom', async () => {
    await using chat = await startSlack('socket');
    await chat.type('bo', '/darkroom', 'help');
    await until(chat, 'bo', ({ text }) => text.includes('Describe a picture'));
    await chat.type('bo', '/darkroom', 'style list');
    await until(chat, 'bo', ({ text }) => text.includes('watercolor'));
  });
});

describe('Slack in itself', () => {
  it('spreads the edits that a workspace allows over the minute', () => {
    let now = 0;
    const budget = new UpdateBudget(40, () => now);
    const take = () => Array.from({ length: 100 }, () => budget.take()).filter(Boolean).length;
    assert.equal(take(), 4);
    let sent = 0;
    for (; now < 60_000; now += 500) sent += take();
    assert.ok(sent > 35 && sent <= 41, `${sent} edits in a minute`);
    budget.pause(30);
    now += 29_000;
    assert.equal(take(), 0);
    now += 4_000;
    assert.ok(take() > 0);
  });

  it('keeps the longest card within its limits, and escapes what would ring', () => {
    const long = 'x'.repeat(20_000);
    const { blocks, text } = renderCard(
      {
        text: long,
        fields: Array.from({ length: 80 }, (_, i) => ({ name: `${i}`, value: `<!channel> ${long}` })),
        notes: Array.from({ length: 30 }, () => long),
        actions: Array.from({ length: 40 }, (_, i) => ({ id: `verb:${i}`, label: long })),
      },
      [],
    );
    assert.ok(blocks.length <= 50 && text.length <= 4000);
    assert.ok(JSON.stringify(blocks).includes('&lt;!channel&gt;'));
    assert.ok(!JSON.stringify(blocks).includes('<!channel>'));
  });

  it('reads what people typed out of what Slack sends', () => {
    const sent =
      'a &lt;b&gt; &amp; <https://x.example|x.example> <https://y.example> by <@U1|ada> in <#C1|art>';
    assert.equal(unescapeText(sent), 'a <b> & x.example https://y.example by <@U1> in <#C1>');
  });
});
