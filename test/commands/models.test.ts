/** /models in chat: what lies in the folders, and fetching more where the operator allows it. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelFile } from '../../commands/ports.ts';
import { loadSettings } from '../../config/settings.ts';
import { createChatDownloads } from '../../src/chat-downloads.ts';
import { createDownloads } from '../../src/model-downloads.ts';
import { loraLabel } from '../../src/request.ts';
import { MINI } from '../adapters/stand-in.ts';
import { openHubs } from '../download/hubs.ts';
import { temporaryFolder } from '../models/forge.ts';
import { startCommands } from './harness.ts';

const admin = { where: { isAdmin: true } };
const FILES: readonly ModelFile[] = [
  { name: 'mini', kind: 'checkpoint', path: '/m/mini', bytes: 0, family: 'sd' },
  ...Array.from({ length: 60 }, (_, i) => ({
    ...{
      name: `ink ${i}`,
      kind: 'lora',
      path: `/m/ink ${i}`,
      bytes: 2e8,
      family: 'Stable Diffusion XL',
      dtype: 'F16',
    },
    ...{
      sha256: 'ab'.repeat(32),
      triggerWords: ['dark room', '<@everyone>'],
      title: '**loud**',
      thumbnail: '/m/x.preview.png',
    },
  })),
  { name: 'bad', kind: 'unknown', path: '/m/bad', bytes: 10, refusal: 'bad.safetensors was cut off.' },
];
const models = {
  resolve: () => MINI,
  names: () => ['mini'],
  files: () => FILES,
  unread: () => 7,
  thumbnail: async ({ thumbnail }: { thumbnail?: string }) =>
    thumbnail === undefined ? undefined : Uint8Array.of(1),
  loraNames: async () => [],
  findLoras: async () => new Map(),
  findUpscalers: async () => new Map(),
  chooseControlnets: async (_: string, controls: readonly never[]) => ({ controls, notes: [] }),
  inpaintingOf: () => [],
  describeUnread: () => '',
};

test('the list is searched, bounded, and says what is left out', async () => {
  const chat = startCommands({ models });
  const { ephemeral } = await chat.say('/models list', admin);
  assert.equal(ephemeral[0]!.fields!.length, 20);
  assert.deepEqual(ephemeral[0]!.notes, [
    'And 42 more: search with /models list WORDS.',
    '7 files are not read yet.',
  ]);
  const found = await chat.say('/models list lora xl 33', admin);
  assert.deepEqual(found.ephemeral[0]!.fields, [
    { name: 'ink 33', value: 'LoRA, Stable Diffusion XL, F16, 200 MB' },
  ]);
  const bad = await chat.say('/models list bad', admin);
  assert.match(bad.ephemeral[0]!.fields![0]!.value, /not recognised.*was cut off/);
  assert.match(
    (await chat.say('/models list nothing', admin)).ephemeral[0]!.text,
    /Nothing here matches nothing/,
  );
});

test('one of them is shown with its words as they are, to admins', async () => {
  const chat = startCommands({ models });
  const { ephemeral } = await chat.say('/models show INK 33.safetensors', admin);
  const value = (name: string) => ephemeral[0]!.fields!.find((field) => field.name === name)?.value;
  assert.equal(value('trigger words'), 'dark room, <@everyone>');
  assert.deepEqual(
    ephemeral[0]!.pictures!.map(({ width }) => width),
    [64],
  );
  assert.equal(value('short hash'), 'abababab'.padEnd(10, 'ab'));
  assert.equal(value('how to use'), '<lora:ink 33:1> in the prompt, or --lora "ink 33"');
  assert.match(
    (await chat.say('/models show inc 33', admin)).ephemeral[0]!.text,
    /There is no model file inc 33\. Did you mean ink 33/,
  );
  assert.match((await chat.say('/models show mini')).ephemeral[0]!.text, /Only/);
  const offered = await chat.commands.complete(
    {
      command: 'models show',
      option: 'name',
      typed: 'k 5',
      tenant: undefined,
    },
    'en',
  );
  assert.deepEqual(
    offered.slice(0, 2).map(({ value }) => value),
    ['ink 5', 'ink 50'],
  );
});

test('models are fetched where the operator allows it, by admins, with progress in one message', async (t) => {
  const hubs = await openHubs(t);
  const data = await temporaryFolder(t);
  writeFileSync(join(data, 'empty.json'), '{}');
  const bytes = Buffer.alloc(5000, 7);
  hubs.repositories.set('ada/one', { files: { 'one.safetensors': bytes }, licence: 'mit' });
  hubs.repositories.set('eve/one', { files: { 'one.safetensors': bytes } });
  /** Ids of the downloads. */
  const offered: string[] = [];
  const chatWith = (allowed: string, draws = true) => {
    const env = { HF_ENDPOINT: hubs.hub, DARKROOM_DATA: data, HF_HOME: data };
    const { settings } = loadSettings({ ...env, DARKROOM_MODELS_ADD: allowed }, join(data, 'empty.json'));
    const patience = { tries: 1, pause: 1, longestWait: 1, silence: 1000 };
    const precision = draws ? 'float32' : undefined;
    const source = createDownloads(settings, { patience });
    const downloads = createChatDownloads(settings, precision, source);
    const offer = async (address: string) => {
      const model = await downloads.offer(address);
      offered.push(model.id);
      return model;
    };
    return startCommands({ models, downloads: { ...downloads, offer } });
  };
  const host = new URL(hubs.hub).host;
  const said = async (chat: ReturnType<typeof chatWith>, line: string, as = {}) => {
    const { posted, ephemeral } = await chat.say(line, as);
    return [...posted, ...ephemeral].at(-1)!;
  };
  const chat = chatWith(`${host}/ada`);
  assert.match((await said(chat, '/models add ada/one')).text, /^Only/);
  assert.match(
    (await said(chatWith(''), '/models add ada/one', admin)).text,
    /can allow it with DARKROOM_MODELS_ADD/,
  );
  assert.match((await said(chatWith(host, false), '/models add ada/one', admin)).text, /draws no pictures/);
  assert.match((await said(chat, '/models add eve/one', admin)).text, /\/eve may not be fetched here/);
  assert.match(
    (await said(chat, '/models add http://10.0.0.1/x.safetensors', admin)).text,
    /may not be fetched here/,
  );
  assert.match(
    (await said(chatWith('10.0.0.1'), '/models add http://10.0.0.1/x.safetensors', admin)).text,
    /may not be fetched/,
  );
  assert.deepEqual(
    hubs.seen.filter(({ host: on }) => on === 'files'),
    [],
  );

  const { posted } = await chat.say('/models add ada/one', admin);
  assert.match(posted[0]!.text, /^Fetching one\.$/);
  assert.ok(posted[0]!.fields!.some(({ name, value }) => name === 'licence' && value === 'mit'));
  assert.match(posted.at(-1)!.text, /one is here/);
  assert.ok(existsSync(join(data, 'models/one.safetensors')));
  hubs.repositories.set('ada/two', {
    files: { 'two.safetensors': bytes },
    wrongHashes: { 'two.safetensors': 'a'.repeat(64) },
  });
  assert.match((await said(chat, '/models add ada/two', admin)).error!.message, /came damaged/);

  // One that runs and one that waits for it are stopped by an admin's button, and the first goes on where it was.
  const large = Buffer.alloc(50_000, 3);
  const begun = Promise.withResolvers<void>();
  hubs.repositories.set('ada/three', { files: { 'three.safetensors': large } });
  hubs.faults.set('three.safetensors', [
    (_request, response, all) => {
      response.writeHead(200, { 'content-length': all.length });
      response.write(all.subarray(0, 20_000), () => setTimeout(begun.resolve, 50));
    },
  ]);
  const running = chat.say('/models add ada/three', admin);
  await begun.promise;
  const waiting = chat.say('/models add ada/one', admin);
  while (offered.length < 4) await sleep(5);
  await sleep(50);
  const [first, second] = offered.slice(-2).map((id) => `halt:${id}`) as [string, string];
  assert.equal((await chat.press(first)).ephemeral[0]!.error!.code, 'forbidden');
  for (const button of [second, first]) assert.deepEqual((await chat.press(button, {}, admin)).ephemeral, []);
  for (const answer of [running, waiting]) {
    const { posted: cards } = await answer;
    assert.match(cards.at(-1)!.text, /was stopped\. What has come is kept/);
    assert.equal(cards.at(-1)!.actions, undefined);
  }
  assert.deepEqual((await running).posted[0]!.actions, [{ id: first, label: 'Cancel' }]);
  assert.match((await chat.press(first, {}, admin)).ephemeral[0]!.error!.message, /ended already/);
  assert.match((await said(chat, '/models add ada/three', admin)).text, /three is here/);
  assert.equal(hubs.seen.at(-1)!.range, 'bytes=20000-');
});

test('admins say of a model what its file does not; the next job follows, and what it says itself wins', async () => {
  const file = { kind: 'checkpoint', path: '/m/mini.safetensors', bytes: 1, predictionType: 'epsilon' };
  const chat = startCommands({ models: { ...models, files: () => [{ ...file, name: 'mini' }] } });
  const drawn = async (line: string) => {
    await chat.say(line);
    const { schedulerConfig, numInferenceSteps, guidanceScale, sampler } = [...chat.jobs.values()].at(
      -1,
    )!.request;
    return [schedulerConfig, numInferenceSteps, guidanceScale, sampler];
  };
  const said = async (line: string, as: object = admin) => (await chat.say(line, as)).ephemeral[0]!;
  const plain = await drawn('/imagine a mug');

  assert.match((await said('/models set mini --prediction v_prediction', {})).text, /^Only/);
  assert.match((await said('/models set mini', admin)).text, /Say what to set for mini/);
  assert.match((await said('/models set minni --steps 4')).text, /There is no model minni.*mini/);
  assert.match((await said('/models set mini --prediction magic')).text, /magic/);
  assert.match((await said('/models reset mini')).text, /Nothing is set for mini/);
  const set = await said('/models set Mini.safetensors --prediction v_prediction');
  assert.equal(
    set.text,
    'mini is drawn with --prediction v_prediction here, unless a request says otherwise.',
  );
  assert.deepEqual(await drawn('/imagine a mug'), [{ prediction_type: 'v_prediction' }, ...plain.slice(1)]);

  await said('/models set mini --few-steps lightning --cfg 1.5');
  const turned = { prediction_type: 'v_prediction', timestep_spacing: 'trailing' };
  assert.deepEqual(await drawn('/imagine a mug'), [turned, 8, 1.5, 'euler']);
  const own = await drawn(
    `/imagine a mug --steps 3 --sampler ddim --scheduler-config {"timestep_spacing":"leading"}`,
  );
  assert.deepEqual(own, [{ ...turned, timestep_spacing: 'leading' }, 3, 1.5, 'ddim']);
  const fields = new Map((await said('/models show mini')).fields!.map(({ name, value }) => [name, value]));
  assert.equal(fields.get('set here'), '--prediction v_prediction --few-steps lightning --cfg 1.5');

  await said('/models set mini --zero-snr yes');
  assert.deepEqual((await drawn('/imagine a mug'))[0], { ...turned, rescale_betas_zero_snr: true });
  await said('/models set mini --zero-snr no');
  assert.deepEqual((await drawn('/imagine a mug'))[0], { ...turned, rescale_betas_zero_snr: false });

  assert.equal(
    (await said('/models reset mini')).text,
    'What was set for mini no longer applies here: its own file decides.',
  );
  assert.deepEqual(await drawn('/imagine a mug'), plain);
  assert.equal(chat.changes.length, 5);
});

test('what only the name of a file says is a hint, and a model that knows no such thing is refused it', async () => {
  const named = (name: string, predictionType?: string) => ({
    ...{ name, kind: 'checkpoint', path: `/m/${name}.safetensors`, bytes: 1 },
    ...(predictionType !== undefined && { predictionType }),
  });
  const files = [
    named('photo_lightning v2', 'epsilon'),
    named('ink vpred', 'epsilon'),
    named('z turbo', 'flow'),
  ];
  const chat = startCommands({
    models: { ...models, names: () => files.map(({ name }) => name), files: () => files },
  });
  const hint = async (name: string) =>
    (await chat.say(`/models show ${name}`, admin)).ephemeral[0]!.fields!.find(
      (field) => field.name === 'hint',
    )?.value;
  assert.equal(
    await hint('photo_lightning v2'),
    'Its name says lightning, but nothing in the file does. If that is so, an admin can say /models set "photo_lightning v2" --few-steps lightning here, or the operator {"few_steps":"lightning"} in photo_lightning v2.json.',
  );
  assert.match(
    (await hint('ink vpred'))!,
    /--prediction v_prediction here, or the operator \{"prediction_type"/,
  );
  assert.equal(await hint('z turbo'), undefined);
  const { ephemeral } = await chat.say('/models set "z turbo" --few-steps turbo', admin);
  assert.match(ephemeral[0]!.text, /not a model of Stable Diffusion 1, 2 or XL/);
});

test('what stands beside a model without effect on it is a note of /models show', async () => {
  const idle = ['mini.json: "vae" has no effect: mini holds a VAE of its own.'];
  const chat = startCommands({ models: { ...models, resolve: async () => ({ ...(await MINI), idle }) } });
  const { fields } = (await chat.say('/models show mini', admin)).ephemeral[0]!;
  assert.equal(fields!.find(({ name }) => name === 'note')?.value, `Beside its file: ${idle[0]}`);
});

test('the trigger words of a LoRA are offered with its name, and missed on the card', async () => {
  const file = { kind: 'lora', path: '/x', bytes: 1 };
  const files = [
    { ...file, name: 'ink', triggerWords: ['ink_style, wash', 'sumi-e'] },
    { ...file, name: 'plain' },
  ];
  const chat = startCommands({
    models: {
      ...models,
      files: () => files,
      loraNames: async () => ['ink', 'plain'],
      findLoras: async (asked) =>
        new Map(asked.map(({ file: name }) => [name, { name, hash: '0123456789' }])),
      findUpscalers: async () => new Map(),
      chooseControlnets: async (_model, controls) => ({ controls, notes: [] }),
    },
  });
  const asked = { command: 'imagine', option: 'lora', tenant: undefined };
  const words = ['ink_style, wash', 'sumi-e'];
  assert.deepEqual(await chat.commands.complete({ ...asked, typed: 'plain:1, in' }, 'en'), [
    { value: 'plain:1, ink', note: 'ink_style, wash, sumi-e', words },
    { value: 'plain:1, plain' },
  ]);
  const notes = async (prompt: string) =>
    (await chat.say(`/imagine ${prompt}`)).posted.at(-1)!.notes?.join(' ') ?? '';
  assert.match(await notes('a fox <lora:ink:1>'), /no trigger word of: ink \(ink_style, wash, sumi-e\)\./);
  assert.doesNotMatch(await notes('a fox, Ink  Style <lora:ink:1> <lora:plain:1>'), /trigger/);
  // What Discord's menu shows is what it sends once somebody types on behind it.
  assert.match(await notes(`a fox --lora "${loraLabel('ink', words)}, plain:0.5"`), /trigger word of: ink /);
  assert.deepEqual(
    [...chat.jobs.values()].at(-1)!.request.loras!.map(({ file: name, weight }) => [name, weight]),
    [
      ['ink', 1],
      ['plain', 0.5],
    ],
  );
});
