/** What only Discord has: deferring, tokens that expire, registration, message commands, permissions, its limits. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { hasPicture, until } from '../conformance/chat.ts';
import {
  AUTOCOMPLETE,
  COMMAND,
  type DiscordChat,
  idOf,
  MODAL_SUBMIT,
  sendForm,
  startDiscord,
} from '../conformance/discord.ts';
import { CHANNELS, type Json } from '../discord/server.ts';
import { eventually } from '../patience.ts';
import { pngOf } from './stand-in.ts';

const bo = { id: idOf('bo'), name: 'bo' };
const imagine = (prompt: string) => ({
  name: 'imagine',
  type: 1,
  options: [{ name: 'prompt', type: 3, value: prompt }],
});

/** Uses /imagine as an event of the gateway, with whatever else the test wants of it. */
function call(
  chat: DiscordChat,
  prompt: string,
  more: { ageMs?: number; id?: string; channel?: string } = {},
) {
  const { id } = chat.server.commands.find(({ name }) => name === 'imagine');
  return chat.server.interact(bo, COMMAND, { id, ...imagine(prompt) }, more);
}

/** Right click on a message, Apps. */
function openMenu(chat: DiscordChat, name: string, message: Json) {
  const command = chat.server.commands.find((one) => one.name === name);
  const resolved = { messages: { [message.id]: message } };
  return chat.server.interact(bo, COMMAND, {
    id: command.id,
    name,
    type: 3,
    target_id: message.id,
    resolved,
  });
}

describe('Discord', { concurrency: 2 }, () => {
  it('announces a slow answer, and gives it in the same message', async () => {
    await using chat = await startDiscord({ answerMs: 1500 });
    const called = call(chat, 'a boat');
    const print = await until(chat, 'bo', hasPicture);
    assert.equal(called.response.type, 5);
    assert.equal(print.id, called.original);
  });

  it('answers a message in the language of its author: of their last command, or of the words', async () => {
    await using chat = await startDiscord();
    const help = (person: string, words: RegExp) =>
      until(chat, person, ({ text }) => words.test(text) && text.includes('/imagine'));
    await chat.say('cy', '안녕');
    await help('cy', /그리고 싶은 것을/);
    await chat.command('min', 'queue');
    await until(chat, 'min', ({ text }) => text.includes('없어요'));
    await chat.say('min', 'hello');
    await help('min', /그리고 싶은 것을/);
    await chat.command('bo', 'queue');
    await until(chat, 'bo', ({ text }) => text.includes('no queued'));
    await chat.say('bo', '안녕');
    await help('bo', /Describe a picture/);
  });

  it('keeps a late refusal private, though the announcement was public', async () => {
    await using chat = await startDiscord({ answerMs: 1000 });
    await chat.command('bo', 'imagine', { prompt: 'a boat', model: 'nosuch' });
    const refusal = await until(chat, 'bo', ({ text }) => text.includes('nosuch'));
    assert.equal(refusal.isPrivate, true);
    assert.deepEqual(await chat.seenBy('cy'), []);
  });

  it('registers its commands once, in English and Korean, and again only when they change', async () => {
    await using chat = await startDiscord();
    await chat.restart();
    assert.equal(chat.server.registrations, 1);
    const command = chat.server.commands.find(({ name }) => name === 'imagine');
    assert.equal(command.name_localizations.ko, '그리기');
    chat.server.commands.pop();
    await chat.restart();
    assert.equal(chat.server.registrations, 2);
  });

  it('takes an event that is delivered twice once, also after a lost connection', async () => {
    await using chat = await startDiscord();
    const id = chat.server.newId();
    call(chat, 'a boat', { id });
    call(chat, 'a boat', { id });
    await until(chat, 'bo', hasPicture);
    chat.server.dropConnection();
    call(chat, 'a ship');
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a ship');
    assert.equal(chat.queue.jobs.length, 2);
  });

  it('edits as the bot once the interaction is older than its token', async () => {
    await using chat = await startDiscord();
    chat.queue.held = true;
    const { original } = await settled(chat, call(chat, 'a boat', { ageMs: 14.5 * 60_000 }));
    chat.queue.develop(chat.queue.jobs[0]!);
    await until(chat, 'bo', hasPicture);
    const edits = chat.server.log.filter((line) => line.startsWith('PATCH'));
    assert.equal(edits.at(-1), `PATCH /channels/${CHANNELS.general}/messages/${original}`);
  });

  it('tells in private what it may not do, before any GPU work', async () => {
    await using chat = await startDiscord();
    chat.server.denied.set(CHANNELS.general, 1n << 15n);
    call(chat, 'a boat');
    const refusal = await until(chat, 'bo', ({ text }) => text.includes('Attach Files'));
    assert.equal(refusal.isPrivate, true);
    assert.equal(chat.queue.jobs.length, 0);
  });

  it('cancels a job whose message was deleted', async () => {
    await using chat = await startDiscord();
    chat.queue.held = true;
    const { original } = await settled(chat, call(chat, 'a boat'));
    chat.server.messages.delete(original!);
    const job = chat.queue.jobs[0]!;
    chat.queue.emit(job.id, { state: 'running', step: 1, steps: 20, etaSeconds: 2 });
    const ends = [];
    for await (const { state } of chat.queue.watch(job.id)) ends.push(state);
    assert.equal(ends.at(-1), 'cancelled');
  });

  it('fetches attachments at once, from Discord alone, and says so when they are gone', async () => {
    await using chat = await startDiscord();
    const gone = chat.server.upload('cat.png', pngOf(64, 64));
    chat.server.files.clear();
    chat.server.say(bo, CHANNELS.general, chat.server.mention('a tiger'), { attachments: [gone] });
    await until(chat, 'bo', ({ text }) => text.includes('no longer exists'));
    const elsewhere = { ...gone, url: 'http://169.254.169.254/latest/meta-data', proxy_url: '' };
    chat.server.say(bo, CHANNELS.general, chat.server.mention('a tiger'), { attachments: [elsewhere] });
    await until(chat, 'bo', ({ text }) => text.includes('only fetched from this chat'));
    assert.equal(chat.queue.jobs.length, 0);
  });

  it('brings the picture through a storm of 429 and a failing gateway behind it', async () => {
    await using chat = await startDiscord();
    const path = /messages\/@original$|messages\/\d+$/;
    chat.server.faults.push({ method: 'PATCH', path, status: 429, retryAfter: 0.2, times: 3 });
    chat.server.faults.push({ method: 'PATCH', path, status: 502, times: 2 });
    chat.queue.held = true;
    call(chat, 'a boat');
    await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    chat.queue.develop(chat.queue.jobs[0]!);
    await until(chat, 'bo', hasPicture);
  });

  it('edits a picture by the message command', async () => {
    await using chat = await startDiscord();
    const attachments = [chat.server.upload('cat.png', pngOf(64, 48))];
    const message = chat.server.say({ id: idOf('cy'), name: 'cy' }, CHANNELS.general, 'look', {
      attachments,
    });
    const opened = openMenu(chat, 'Edit picture', message);
    await sendForm(chat.server, bo, opened, { prompt: 'a tiger', strength: 0.5 });
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a tiger');
    const { request } = chat.queue.jobs[0]!;
    assert.deepEqual([request.width, request.height, request.strength], [64, 48, 0.5]);
  });

  it('takes the picture of a forward and of a link, the first of several, and its own by the stored pixels', async () => {
    await using chat = await startDiscord();
    const { server } = chat;
    const cy = { id: idOf('cy'), name: 'cy' };
    const file = () => server.upload('cat.png', pngOf(64, 48));
    const said = (more: Parameters<typeof server.say>[3]) =>
      server.say(cy, CHANNELS.general, 'look', more).id;
    const { url } = file();
    const empty = {
      attachments: [],
      embeds: [],
      mentions: [],
      mention_roles: [],
      components: [],
      type: 0,
      flags: 0,
    };
    const targets = [
      said({
        forwards: { ...empty, content: '', timestamp: new Date().toISOString(), attachments: [file()] },
      }),
      said({ embeds: [{ type: 'image', url, thumbnail: { url, proxy_url: url, width: 64, height: 48 } }] }),
      said({ attachments: [file(), file()] }),
    ];
    for (const [i, replyTo] of targets.entries()) {
      server.say(bo, CHANNELS.general, server.mention(`a tiger ${i}`), { replyTo });
      const print = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === `a tiger ${i}`);
      assert.equal(chat.queue.jobs[i]!.request.width, 64);
      assert.equal(/first of 2 pictures/.test(print.text), i === 2);
    }
    server.say(bo, CHANNELS.general, server.mention(`${file().url} a lion`));
    const own = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a lion');
    assert.equal(chat.queue.jobs[3]!.request.width, 64);
    // A forward that comes to the bot itself.
    const forwards = { ...empty, content: '', timestamp: new Date().toISOString(), attachments: [file()] };
    server.say(bo, CHANNELS.general, server.mention('a fox'), { forwards });
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a fox');
    assert.equal(chat.queue.jobs[4]!.request.width, 64);
    const fetched = server.log.length;
    await chat.say('bo', 'make it blue', { replyTo: own });
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a blue lion');
    assert.deepEqual(
      server.log.slice(fetched).filter((line) => line.includes('/attachments/')),
      [],
    );
  });

  it('takes the picture of a message whose address is pasted, where the asker may read it', async () => {
    await using chat = await startDiscord();
    const { server } = chat;
    const cy = { id: idOf('cy'), name: 'cy' };
    const shown = (channel: string, attachments = [server.upload('cat.png', pngOf(64, 48))]) =>
      `https://discord.com/channels/200000000000000001/${channel}/${server.say(cy, channel, 'look', { attachments }).id}`;
    server.say(bo, CHANNELS.general, server.mention(`a tiger ${shown(CHANNELS.general)}`));
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a tiger');
    await chat.command('bo', 'imagine', { prompt: `${shown(CHANNELS.general)} a lion` });
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a lion');
    assert.deepEqual(
      chat.queue.jobs.map(({ request }) => request.width),
      [64, 64],
    );
    for (const hidden of [CHANNELS.hidden, CHANNELS.audit]) {
      const before = (await chat.seenBy('bo')).length;
      await chat.command('bo', 'imagine', { prompt: `a fox ${shown(hidden)}` });
      await until(chat, 'bo', ({ text }) => text.includes('deleted, or'));
      await eventually('an answer', async () => (await chat.seenBy('bo')).length > before);
    }
    await chat.command('bo', 'imagine', { prompt: `a fox ${shown(CHANNELS.general, [])}` });
    await until(chat, 'bo', ({ text }) => text.includes('no picture'));
    assert.equal(chat.queue.jobs.length, 2);
    assert.deepEqual(chat.errors, []);
  });

  it("a moderator's deletion of the message removes the picture and its record", async () => {
    await using chat = await startDiscord();
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    const print = await until(chat, 'bo', hasPicture);
    chat.server.moderate(print.id);
    await eventually('the job is removed', async () => !(await chat.isKnown(chat.queue.jobs[0]!.id)));
  });

  it('forgets the job of a message that is deleted before the program knows where it stands', async () => {
    await using chat = await startDiscord();
    chat.queue.held = true;
    chat.noting.ms = 500;
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    const { id } = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    chat.server.moderate(id);
    await eventually('the job is removed', async () => !(await chat.isKnown(chat.queue.jobs[0]!.id)));
    assert.deepEqual(chat.errors, []);
  });

  it('completes names as they are typed', async () => {
    await using chat = await startDiscord();
    const { id } = chat.server.commands.find(({ name }) => name === 'imagine');
    const options = [{ name: 'style', type: 3, value: 'wat', focused: true }];
    const asked = chat.server.interact(bo, AUTOCOMPLETE, { id, name: 'imagine', type: 1, options });
    const { data } = await eventually('names', () => asked.response);
    assert.deepEqual(data.choices, [{ name: 'watercolor', value: 'watercolor' }]);
  });

  it('opens a thread for each request where that is set', async () => {
    await using chat = await startDiscord();
    await chat.command('ada', 'config set', { setting: 'thread_per_request', value: 'on' });
    await until(chat, 'ada', ({ text }) => text.includes('thread_per_request'));
    call(chat, 'a boat');
    const print = await until(chat, 'bo', hasPicture);
    assert.notEqual(print.place, CHANNELS.general);
    const head = chat.server.messages.get(print.place);
    assert.equal(head.channel_id, CHANNELS.general);
  });

  it('answers in the head message where Discord opens no thread', async () => {
    await using chat = await startDiscord();
    await chat.command('ada', 'config set', { setting: 'thread_per_request', value: 'on' });
    await until(chat, 'ada', ({ text }) => text.includes('thread_per_request'));
    const before = chat.server.messages.size;
    // A voice channel, a server with too many threads, and a name that Discord does not take.
    for (const code of [50024, 160006, 50035]) {
      chat.server.faults.push({ method: 'POST', path: /\/threads$/, status: 400, code, times: 1 });
      call(chat, `a boat ${code}`);
      const print = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === `a boat ${code}`);
      assert.equal(print.place, CHANNELS.general);
    }
    assert.equal(chat.server.messages.size, before + 3);
    // The thread that it opens is archived before its job is posted.
    chat.server.faults.push({ method: 'POST', path: /\/messages$/, status: 400, code: 50083, times: 9 });
    call(chat, 'a boat in the archive');
    await until(chat, 'bo', ({ text }) => text.includes('This thread is archived or locked. Reopen it'));
    assert.ok(chat.server.faults.at(-1)!.times > 6, 'tried a bounded number of times');
    assert.deepEqual(chat.errors, []);
  });

  it('opens the thread also for a request that a crash had kept unanswered; a private one goes on in private', async () => {
    await using chat = await startDiscord();
    await chat.command('ada', 'config set', { setting: 'thread_per_request', value: 'on' });
    await until(chat, 'ada', ({ text }) => text.includes('thread_per_request'));
    chat.queue.held = true;
    chat.queue.diesOnAccept = true;
    call(chat, 'a boat');
    await eventually('a job', () => chat.queue.jobs[0]);
    await chat.restart();
    const print = await until(chat, 'bo', hasPicture);
    assert.equal(chat.server.messages.get(print.place).channel_id, CHANNELS.general);

    await chat.command('ada', 'config set', { setting: 'result_visibility', value: 'private' });
    await until(chat, 'ada', ({ text }) => text.includes('result_visibility'));
    chat.queue.held = true;
    call(chat, 'a ship');
    const waiting = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    chat.server.messages.delete(waiting.id);
    await chat.restart();
    const ship = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a ship');
    assert.equal(ship.isPrivate, true);
  });

  it('finds the message of a thread that was not noted before a crash, and a head that stood without it', async () => {
    await using chat = await startDiscord();
    await chat.command('ada', 'config set', { setting: 'thread_per_request', value: 'on' });
    await until(chat, 'ada', ({ text }) => text.includes('thread_per_request'));
    chat.queue.held = true;
    chat.dying.beforeNote = true;
    call(chat, 'a boat');
    const waiting = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    await chat.restart();
    const print = await until(chat, 'bo', hasPicture);
    assert.deepEqual([print.id, print.place], [waiting.id, waiting.place]);

    chat.queue.held = true;
    // The program dies before the thread is opened.
    chat.server.stalls.push({ method: 'POST', path: /\/threads$/ });
    const before = chat.server.messages.size;
    const { original } = await settled(chat, call(chat, 'a ship'));
    await eventually('the call that stalls', () => chat.server.stalls.length === 0);
    await chat.restart();
    const ship = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a ship');
    assert.equal(ship.place, original);
    assert.equal(chat.server.messages.size, before + 2);
  });

  it('finds a message in a busy channel, and answers anew where Discord refuses to be read', async () => {
    await using chat = await startDiscord();
    chat.queue.held = true;
    chat.dying.beforeNote = true;
    for (let i = 0; i < 150; i++) chat.server.say(bo, CHANNELS.general, `${i}`);
    call(chat, 'a boat');
    const waiting = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    await chat.restart();
    assert.equal((await until(chat, 'bo', hasPicture)).id, waiting.id);

    chat.queue.held = true;
    chat.dying.beforeNote = true;
    call(chat, 'a ship');
    await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
    chat.server.denied.set(CHANNELS.general, 1n << 10n);
    await chat.restart();
    await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a ship');
    const route = `GET /v10/channels/${CHANNELS.general}/messages`;
    const refused = `PlatformError: Discord refused ${route}, status 403, code 50001`;
    assert.deepEqual([...new Set(chat.errors.map(String))], [refused]);
  });

  it('keeps age-restricted pictures in age-restricted channels where that is set', async () => {
    await using chat = await startDiscord();
    await chat.command('ada', 'config set', { setting: 'age_restricted', value: 'on' });
    await until(chat, 'ada', ({ text }) => text.includes('age_restricted'));
    call(chat, 'a boat');
    await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('age-restricted channels'));
    call(chat, 'a ship', { channel: CHANNELS.adults });
    await until(chat, 'bo', hasPicture);
  });

  it('says which rule decides for somebody else, by their roles', async () => {
    await using chat = await startDiscord();
    const artists = '400000000000000001';
    chat.server.rolesOf.set(idOf('bo'), [artists]);
    await chat.command('ada', 'config set', { setting: 'max_steps', value: '30' });
    await chat.command('ada', 'config set', { setting: 'max_steps', value: '50', role: artists });
    await until(chat, 'ada', ({ text }) => text.includes('not set -> 50'));
    await chat.command('ada', 'config why', { setting: 'max_steps', user: idOf('bo') });
    await until(chat, 'ada', ({ text }) => /max_steps is 50, set for @.?darkroom by ada/.test(text));
    await chat.command('cy', 'config why', { setting: 'max_steps', user: idOf('bo') });
    await until(chat, 'cy', ({ text, isPrivate }) => isPrivate && text.includes('can change settings'));
  });

  it('tells changes of settings in the log channel', async () => {
    await using chat = await startDiscord();
    await chat.command('ada', 'config set', { setting: 'log_channel', value: '#adults' });
    await chat.command('ada', 'config set', { setting: 'default_steps', value: '30' });
    const told = await until(chat, 'cy', ({ text }) => text.includes('ada: default_steps: 20 -> 30'));
    assert.equal(told.place, CHANNELS.adults);
  });

  it('opens no message for a user who cannot see it, whatever their client sends', async () => {
    await using chat = await startDiscord();
    for (const channel of [CHANNELS.hidden, CHANNELS.audit]) {
      const attachments = [chat.server.upload('cat.png', pngOf(64, 48))];
      const { id } = chat.server.say({ id: idOf('cy'), name: 'cy' }, channel, 'look', { attachments });
      const before = (await chat.seenBy('bo')).length;
      const components = [
        { type: 18, id: 0, component: { type: 4, id: 0, custom_id: 'prompt', value: 'x' } },
      ];
      chat.server.interact(bo, MODAL_SUBMIT, { custom_id: `message:edit:${channel}:${id}`, components });
      await eventually('an answer', async () => (await chat.seenBy('bo')).length > before);
      assert.match((await chat.seenBy('bo')).at(-1)!.text, /cannot be read/);
    }
    assert.equal(chat.queue.jobs.length, 0);
  });

  it('answers a mention in a direct message where results are private', async () => {
    await using chat = await startDiscord();
    await chat.command('ada', 'config set', { setting: 'result_visibility', value: 'private' });
    await until(chat, 'ada', ({ text }) => text.includes('result_visibility'));
    await chat.say('bo', 'a boat');
    const print = await until(chat, 'bo', hasPicture);
    assert.equal(print.place, `9${idOf('bo')}`);
    assert.deepEqual((await chat.seenBy('cy')).filter(hasPicture), []);
  });

  it('shows commands for admins only to those who manage the server', async () => {
    await using chat = await startDiscord();
    const permissions = new Map(
      chat.server.commands.map((one) => [one.name, one.default_member_permissions]),
    );
    for (const name of ['config', 'models', 'ban', 'pause'])
      assert.equal(permissions.get(name), String(1n << 5n), name);
    assert.equal(permissions.get('imagine'), null);
  });

  it('reports a failed call by code, status and route, without token, words or bytes', async () => {
    await using chat = await startDiscord();
    chat.server.faults.push({ method: 'PATCH', path: /./, status: 500, times: 50 });
    chat.server.faults.push({ method: 'POST', path: /callback/, status: 500, times: 50 });
    chat.server.faults.push({ method: 'POST', path: /messages/, status: 500, times: 50 });
    call(chat, 'a marked prompt');
    await eventually('an error', () => chat.errors[0]);
    const logged = chat.errors.map((error) => inspect(error, { depth: 9, showHidden: true })).join();
    assert.match(logged, /PlatformError.*status 500/s);
    assert.match(logged, /:token/);
    for (const secret of ['token-', 'marked prompt', 'requestBody', 'Buffer'])
      assert.ok(!logged.includes(secret), secret);
  });

  it('refuses a wrong token in one sentence', async () => {
    await assert.rejects(startDiscord({ token: 'wrong' }), {
      code: 'misconfigured',
      message: /DISCORD_TOKEN is not valid/,
    });
  });
});

/** Until the interaction has its message. */
async function settled(_chat: DiscordChat, called: { original?: string }) {
  return { original: await eventually('the message of the interaction', () => called.original) };
}
