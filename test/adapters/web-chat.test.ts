import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { writePngText } from '../../src/image/png-text.ts';
import { eventually } from '../patience.ts';
import { chatFor, pngOf, startChat, temporaryFolder } from './stand-in.ts';

test('words become a picture in one message, edited in place', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const { status, request, message, job } = await ada.post('/imagine a red mug --seed 3 --ar 3:2');
  assert.equal(status, 202);
  assert.equal(request.text, '/imagine a red mug --seed 3 --ar 3:2');
  assert.deepEqual(request.author, { id: 'web:Ada', name: 'Ada', bot: false });
  assert.equal(message.reply_to, request.id);
  assert.equal(job?.id, message.job?.id);

  const done = await ada.until(message.id, (m) => m.job?.state === 'done');
  assert.match(done.footer ?? '', /^mini · seed 3 · \d+\.\d s$/);
  assert.deepEqual(
    done.actions.map(({ label }) => label),
    [
      ...['Vary', 'Edit', 'Upscale', 'Use as', 'Re-roll', 'Upscale (creative)', 'Vary (subtle)'],
      ...['Vary (strong)', 'Zoom out 1.5x', 'Zoom out 2x', 'Pan left', 'Pan right', 'Pan up', 'Pan down'],
      ...['Star', 'Recipe', 'Delete'],
    ],
  );
  const [picture] = done.pictures;
  assert.equal(picture?.alt, 'a red mug');
  assert.deepEqual([picture?.width, picture?.height], [312, 208]);
  const png = await fetch(`${chat.url}${picture?.url}`);
  assert.equal(png.headers.get('content-type'), 'image/png');
  assert.deepEqual(Buffer.from(await png.arrayBuffer()), Buffer.from(pngOf(312, 208)));
  assert.equal((await ada.messages()).length, 2);
  assert.deepEqual(chat.errors, []);
});

test('the card tells place, step and preview while the job lives', async (t) => {
  const chat = await chatFor(t);
  chat.queue.held = true;
  const ada = chat.as('Ada');
  await ada.post('a boat');
  const { message } = await ada.post('a mug');
  assert.equal(message.text, '2nd in line, about 5 s');
  assert.equal(message.job?.position, 2);
  const job = chat.queue.jobs[1]!;
  chat.queue.emit(job.id, { state: 'running', step: 6, steps: 20, etaSeconds: 4, preview: pngOf(4, 4) });
  const running = await ada.until(message.id, (m) => m.job?.state === 'running');
  // The time follows the first estimate of 5 s steadily.
  assert.match(running.text, /^Step 6 of 20, [45] s left$/);
  assert.match(running.job?.preview ?? '', /^data:image\/png;base64,/);
  chat.queue.emit(job.id, {
    state: 'failed',
    error: { code: 'engine_failed', message: 'It broke. Try again.' },
  });
  const failed = await ada.until(message.id, (m) => m.job?.state === 'failed');
  assert.equal(failed.text, 'It broke. Try again.');
  assert.equal(failed.job?.error?.code, 'engine_failed');
});

test('words in reply to a picture, or with one, start from it', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const first = await ada.draw('a red mug');
  const second = await ada.draw('a blue mug --strength .6', { replyTo: first.id });
  const [, job] = chat.queue.jobs;
  assert.equal(job?.request.image, 'source');
  assert.equal(job?.request.strength, 0.6);
  assert.deepEqual(Buffer.from(job!.inputs.get('source')!), Buffer.from(pngOf(256, 256)));
  assert.equal(second.pictures.length, 1);

  const name = 'Ada at the hospital.png';
  const file = new File([new Uint8Array(pngOf(200, 100))], name, { type: 'image/png' });
  const { request } = await ada.post('a green mug', { file });
  assert.equal(request.pictures[0]?.alt, 'Uploaded picture');
  assert.ok(!JSON.stringify(await ada.messages()).includes('hospital'));
  assert.deepEqual([request.pictures[0]?.width, request.pictures[0]?.height], [200, 100]);
  assert.deepEqual([chat.queue.jobs[2]?.request.width, chat.queue.jobs[2]?.request.height], [200, 96]);
});

test('the buttons: vary, re-roll, edit as a form, recipe, delete', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const first = await ada.draw('a red mug --seed 3');
  const job = first.job!.id;
  const reroll = await ada.press(first.id, `reroll:${job}`);
  assert.equal(reroll.status, 202);
  assert.equal(reroll.message.reply_to, first.id);
  assert.deepEqual(reroll.message.asker, { id: 'web:Ada', name: 'Ada' });
  assert.notEqual(chat.queue.jobs[1]?.request.seed, 3);
  assert.equal(chat.queue.jobs[1]?.request.image, undefined);
  await ada.press(first.id, `vary:${job}`);
  assert.equal(chat.queue.jobs[2]?.request.image, 'source');
  await ada.press(first.id, `edit:${job}`, { prompt: 'a blue mug' });
  assert.equal(chat.queue.jobs[3]?.request.prompt, 'a blue mug');
  const recipe = await ada.press(first.id, `recipe:${job}`);
  assert.equal(recipe.message.private, true);
  const command = recipe.message.fields?.find(({ name }) => name === 'Command')?.value ?? '';
  assert.match(command, /^\/imagine a red mug --steps 20 .*--cfg 5 --seed 3 --size 256x256 /);
  await ada.draw(command);
  assert.deepEqual(chat.queue.jobs.at(-1)?.request, chat.queue.jobs[0]?.request);

  assert.equal((await ada.press(first.id, `delete:${job}`)).status, 202);
  assert.equal(
    (await ada.messages()).some(({ id }) => id === first.id),
    false,
  );
  // The picture goes when the deletion can no longer be undone, which is at once here.
  const picture = `${chat.url}${first.pictures[0]?.url}`;
  await eventually('the picture is gone', async () => (await fetch(picture)).status === 404);
  assert.equal((await ada.press(first.id, `vary:${job}`)).status, 404);
});

test('the recipe of a picture that comes as a file', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const recipeOf = async (texts: Record<string, string>) => {
    const file = new File([new Uint8Array(writePngText(pngOf(8, 8), texts))], 'a.png');
    const { message, error } = await ada.post('/recipe', { file });
    return {
      fields: Object.fromEntries((message?.fields ?? []).map(({ name, value }) => [name, value])),
      error,
    };
  };
  const request = { prompt: 'a mug', seed: 3, model: '/srv/models/mini', negative_prompt: 'text' };
  const ours = await recipeOf({ darkroom: JSON.stringify({ request, model_hash: 'ab' }), parameters: 'x' });
  assert.equal(ours.fields['Command'], '/imagine a mug --no text --seed 3 --model mini');
  assert.equal(ours.fields['Model'], 'mini');
  const others = await recipeOf({ darkroom: '{"prompt": 7}', parameters: 'a mug\nSteps: 20' });
  assert.deepEqual(others.fields, { Parameters: 'a mug\nSteps: 20' });
  assert.match((await recipeOf({})).error?.message ?? '', /carries no recipe/);
});

test('only the owner cancels and deletes', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const eve = chat.as('Eve');
  const done = await ada.draw('a mug');
  const stolen = await eve.press(done.id, `delete:${done.job?.id}`);
  assert.equal(stolen.status, 403);
  assert.match(stolen.error?.message ?? '', /Only Ada/);
  chat.queue.held = true;
  const { message, job } = await ada.post('a boat');
  assert.equal((await eve.cancel(job!.id)).status, 403);
  assert.equal((await ada.cancel(job!.id)).status, 200);
  await ada.until(message.id, (m) => m.job?.state === 'cancelled');
  assert.equal((await ada.cancel(job!.id)).status, 400);
  assert.equal((await ada.cancel('no-such-job')).status, 404);
  // A button counts only on the message that shows it.
  assert.equal((await ada.press(message.id, `delete:${done.job?.id}`)).status, 400);
});

test('private answers are their reader’s alone', async (t) => {
  const chat = await chatFor(t);
  chat.queue.held = true;
  const ada = chat.as('Ada');
  await ada.post('a mug');
  const { message, request } = await ada.post('/queue');
  assert.equal(message.private && request.private, true);
  assert.equal(message.fields?.[0]?.name, '1. a mug');
  assert.equal(message.fields?.[0]?.value, 'Next in line, about 3 s');
  const seenByEve = await chat.as('Eve').messages();
  assert.equal(
    seenByEve.some(({ id }) => id === message.id || id === request.id),
    false,
  );
  assert.equal((await chat.as('Eve').post('x', { replyTo: message.id })).status, 404);
  assert.equal((await ada.messages()).length, 4);
  assert.equal((await ada.press(message.id, message.actions[0]!.id)).status, 202);
});

test('a refusal is a sentence, and nothing is posted', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const html = new File(['<html><script>1</script></html>'], 'a.png', { type: 'image/png' });
  const help = await ada.post('/help');
  const before = (await ada.messages()).length;
  for (const [text, options, status, sentence] of [
    ['/imagine', {}, 400, /Say what to draw/],
    ['', {}, 400, /Say what to draw/],
    ['/imagin a mug', {}, 400, /imagine/],
    ['/imagine a mug --sede 3', {}, 400, /Unknown flag --sede. Did you mean --seed/],
    ['/imagine a mug --sampler eulr', {}, 400, /euler/],
    ['/imagine a mug --steps 500', {}, 400, /outside 1 to 150/],
    ['/imagine a mug --size 250x256', {}, 400, /multiple of 8/],
    ['/imagine a mug --size 512x512', {}, 400, /up to 384/],
    ['/imagine a mug --model nope', {}, 404, /no model nope/],
    ['/imagine a mug --strength .5', {}, 400, /needs a picture/],
    ['blue', { replyTo: help.message.id }, 400, /has no picture/],
    ['blue', { replyTo: 'nowhere' }, 404, /no longer exists/],
    ['blue', { file: html }, 400, /web page, not a picture/],
    ['/edit blue', {}, 400, /no picture to edit/],
    [`/imagine ${'a '.repeat(11_000)}`, {}, 413, /at most 20000/],
  ] as const) {
    const refused = await ada.post(text, options);
    assert.equal(refused.status, status, `${text.slice(0, 60)}: ${JSON.stringify(refused.error)}`);
    assert.match(refused.error?.message ?? '', sentence);
  }
  chat.queue.refusal = new DarkroomError('too_many', 'Three wait already. Wait for one.');
  assert.equal((await ada.post('a mug')).status, 429);
  assert.equal((await ada.messages()).length, before);
  assert.deepEqual(await chat.store.jobs.alive(['web']), []);
  assert.deepEqual(chat.errors, []);
});

test('what a prompt says stays text; what falls off and what is unwise is noted', async (t) => {
  const chat = await chatFor(t);
  const ada = chat.as('Ada');
  const prompt = '<script>alert("x")</script> & mug';
  const done = await ada.draw(prompt);
  assert.equal(done.pictures[0]?.alt, prompt);
  const words = Array.from({ length: 80 }, (_, i) => `w${i}`).join(' ');
  const long = await ada.draw(`/imagine ${words} --cfg 20`);
  assert.match(long.notes?.[0] ?? '', /w75 w76 w77 w78 w79/);
  assert.match(long.notes?.[1] ?? '', /Guidance 20/);
});

test('a job that ends while it is looked up after a restart keeps its pictures', async (t) => {
  const chat = await chatFor(t);
  chat.queue.held = true;
  const ada = chat.as('Ada');
  const { message, job } = await ada.post('a blue mug');
  const resumed = await chat.commands.resume(async () => {
    // Another process follows it to its end, and shows that.
    chat.queue.develop(chat.queue.jobs[0]!);
    await ada.until(message.id, (m) => m.job?.state === 'done');
    return undefined;
  }, ['web']);
  assert.equal(resumed, 0);
  assert.equal((await chat.store.jobs.get(job!.id))?.pictures.length, 1);
  assert.equal((await ada.press(message.id, `vary:${job!.id}`)).status, 202);
});

test('the conversation survives a restart, and unfinished jobs run again', async () => {
  await using temporary = await temporaryFolder();
  let alive: string;
  let done: Awaited<ReturnType<ReturnType<Awaited<ReturnType<typeof startChat>>['as']>['draw']>>;
  {
    await using chat = await startChat(temporary.folder);
    const ada = chat.as('Ada');
    done = await ada.draw('a red mug --seed 3');
    chat.queue.held = true;
    const { message } = await ada.post('a blue mug', { replyTo: done.id });
    alive = message.id;
  }
  await using chat = await startChat(temporary.folder);
  const ada = chat.as('Ada');
  assert.equal(await chat.commands.resume((job) => chat.adapter.reopen(job), ['web']), 1);
  assert.equal((await ada.messages()).length, 4);
  const finished = await ada.until(alive, (m) => m.job?.state === 'done');
  assert.equal(finished.pictures.length, 1);
  assert.equal(chat.queue.jobs[0]?.request.image, 'source');
  assert.equal((await ada.press(done.id, `vary:${done.job?.id}`)).status, 202);
  const after = await ada.messages(done.id);
  assert.equal(
    after.some(({ id }) => id === done.id),
    false,
  );
  assert.equal(
    after.some(({ id }) => id === alive),
    true,
  );
  assert.deepEqual(chat.errors, []);
});
