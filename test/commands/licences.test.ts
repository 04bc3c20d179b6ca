/** A server that takes only what is licensed for commercial use: every way to a picture, and what admins can state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOf } from '../../commands/licences.ts';
import type { ModelFile, ModelsPort } from '../../commands/ports.ts';
import { MINI, ONLY_MINI } from '../adapters/stand-in.ts';
import { type Harness, photo, startCommands, TENANT } from './harness.ts';

const admin = { where: { isAdmin: true } };
const file = (kind: string, name: string, more: Partial<ModelFile> = {}): ModelFile => ({
  ...{ kind, name, path: `/m/${name}`, bytes: 5 },
  ...more,
});
const FILES = [
  file('checkpoint', 'mini', { licence: 'CC0-1.0', commercial: true }),
  file('checkpoint', 'dev', { licence: 'flux-1-dev-non-commercial-license' }),
  file('checkpoint', 'sd3', { licence: 'stabilityai-ai-community' }),
  file('checkpoint', 'found'),
  file('lora', 'ink', { licence: 'mit' }),
  file('lora', 'blot'),
  file('upscaler', '4x', { licence: 'cc-by-nc-sa-4.0' }),
  file('upscaler', 'mini', { licence: 'mit' }),
  file('embedding', 'easy'),
];
const models: ModelsPort = {
  ...ONLY_MINI,
  names: () => ['mini', 'dev', 'sd3', 'found'],
  resolve: (name = 'mini') => ({ ...MINI, name }),
  files: () => FILES,
  loraNames: async () => ['ink', 'blot'],
  findLoras: async (asked) => new Map(asked.map(({ file: name }) => [name, { name, hash: 'ab' }])),
  findUpscalers: async (asked) => new Map(asked.map((name) => [name, { name, hash: 'ab' }])),
  embeddingsIn: async ({ prompt }) => (prompt.includes('easy') ? ['easy'] : []),
};
const start = (): Harness => startCommands({ models });
const refusal = async (chat: Harness, line: string) => {
  const { ephemeral, posted } = await chat.say(line);
  return [...ephemeral, ...posted].find(({ error }) => error !== undefined)?.text ?? 'accepted';
};

test('a request for anything else is refused before the queue, by its name, its licence and what may be used', async () => {
  const chat = start();
  for (const line of ['/imagine a mug --model dev', '/imagine a mug --lora blot'])
    assert.equal(await refusal(chat, line), 'accepted');
  chat.set('commercial_only', true);
  const accepted = chat.jobs.size;
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      'a mug --model dev',
      /The model dev .*flux-1-dev-non-commercial-license, not for commercial use\. You can use: mini\./,
    ],
    ['a mug --model sd3', /only below a yearly revenue of 1,000,000 US dollars/],
    ['a mug --model found', /The model found .*its licence: not known/],
    ['a mug --lora ink --lora BLOT', /The LoRA BLOT .* You can use: ink\./],
    ['a mug --upscale 1.5 --upscaler 4x', /The upscaler 4x .*cc-by-nc-sa-4\.0.* You can use: mini\./],
    ['an easy mug', /The embedding easy .*Leave it out/],
  ];
  for (const [line, words] of cases) assert.match(await refusal(chat, `/imagine ${line}`), words);
  // Each picture of a sweep is asked for.
  assert.match(await refusal(chat, '/sweep a mug model=mini,dev'), /The model dev/);
  assert.equal(chat.jobs.size, accepted);
  for (const line of [
    'a mug',
    'a mug --lora ink',
    'a mug --lora Ink.safetensors',
    'a mug --upscale 1.5 --upscaler mini.pth',
    'a mug --upscale 1.5 --upscaler lanczos',
  ])
    assert.equal(await refusal(chat, `/imagine ${line}`), 'accepted');
});

test('what a model borrows from other files and what looks at control pictures is asked for, with whose it is', async () => {
  let lender = 'mini';
  const chat = startCommands({
    models: {
      ...models,
      files: () => [...FILES, file('text_encoder', 't5xxl'), file('detector', 'pose')],
      lentTo: async ({ vae }) => [
        ...(lender === 't5xxl'
          ? [{ part: 'text_encoder' as const, kind: 'text_encoder', name: 't5xxl' }]
          : []),
        ...(vae === undefined
          ? [{ part: 'vae' as const, kind: 'checkpoint', name: lender === 'dev' ? 'dev' : 'mini' }]
          : []),
      ],
      detectorsIn: async ({ controls }) =>
        controls.some(({ image }) => image === 'control') ? ['pose'] : [],
    },
  });
  chat.set('commercial_only', true);
  const offered = async () =>
    (
      await chat.commands.complete(
        { command: 'imagine', option: 'model', typed: '', tenant: TENANT, user: '' },
        'en',
      )
    ).map(({ value }) => value);
  assert.ok((await offered()).includes('mini'));
  await chat.say('/imagine a mug');
  const [id] = [...chat.jobs].at(-1)!;
  for (const [name, words] of [
    [
      't5xxl',
      /The model mini takes its text encoder from t5xxl, .*; its licence: not known\. None that is installed/,
    ],
    [
      'dev',
      /The model mini takes its VAE from dev, .*flux-1-dev-non-commercial-license, not for commercial use/,
    ],
  ] as const) {
    lender = name;
    assert.match(await refusal(chat, '/imagine a mug'), words);
    // What is refused is not offered either.
    assert.deepEqual(await offered(), []);
    assert.doesNotMatch(await refusal(chat, '/imagine a mug --model dev'), /You can use/);
    assert.match(
      (await chat.say('/models list mini', admin)).ephemeral[0]!.fields![0]!.value,
      /^not allowed/,
    );
    assert.equal((await refusalOf(id, chat.ports))?.code, 'forbidden');
  }
  lender = 't5xxl';
  await chat.say('/models set text_encoder:t5xxl --licence apache-2.0', admin);
  assert.equal(await refusal(chat, '/imagine a mug'), 'accepted');
  assert.ok((await offered()).includes('mini'));
  assert.equal(await refusalOf(id, chat.ports), undefined);
  assert.equal(await refusal(chat, '/imagine a dancer --pose dancing'), 'accepted');
  const posed = async () => {
    const { ephemeral, posted } = await chat.say('/imagine a dancer --control openpose', {
      attachments: [photo()],
    });
    return [...ephemeral, ...posted].find(({ error }) => error !== undefined)?.text ?? 'accepted';
  };
  assert.match(await posed(), /The detector pose cannot be used here; .*Leave it out, or ask an admin/);
  await chat.say('/models set detector:pose --commercial yes', admin);
  assert.equal(await posed(), 'accepted');
});

test('what waits when the rule is switched on is not drawn', async () => {
  const chat = start();
  await chat.say('/imagine a mug --model dev');
  await chat.say('/imagine a mug');
  const [dev, mini] = [...chat.jobs.keys()];
  assert.equal(await refusalOf(dev!, chat.ports), undefined);
  chat.set('commercial_only', true);
  assert.equal((await refusalOf(dev!, chat.ports))?.code, 'forbidden');
  assert.equal(await refusalOf(mini!, chat.ports), undefined);
});

test('an admin states a licence: of a model, of another file by its kind, and takes it back', async () => {
  const chat = start();
  chat.set('commercial_only', true);
  const set = async (line: string) => (await chat.say(`/models set ${line}`, admin)).ephemeral[0]!;
  assert.match(
    (await set('found --licence "House Terms"')).notes!.join(' '),
    /House Terms .*--commercial yes or no/,
  );
  assert.match(
    await refusal(chat, '/imagine a mug --model found'),
    /House Terms; whether.*stated by an admin/,
  );
  await set('found --commercial yes');
  assert.equal(await refusal(chat, '/imagine a mug --model found'), 'accepted');
  // Another licence is another statement.
  await set('found --licence cc-by-nc-4.0');
  assert.match(await refusal(chat, '/imagine a mug --model found'), /cc-by-nc-4\.0, not for/);
  await set('blot --licence MIT');
  assert.equal(await refusal(chat, '/imagine a mug --lora blot'), 'accepted');
  assert.match((await set('blot --steps 4')).text, /Only --licence and --commercial/);
  // A model has the plain name; the upscaler of the same name has its kind in front.
  await set('upscaler:mini --commercial no');
  assert.equal(await refusal(chat, '/imagine a mug'), 'accepted');
  assert.match(await refusal(chat, '/imagine a mug --upscale 1.5 --upscaler mini'), /The upscaler mini/);
  await chat.say('/models reset blot', admin);
  assert.match(await refusal(chat, '/imagine a mug --lora blot'), /not known/);
  assert.match((await set(`dev --licence ${'x'.repeat(200)}`)).text, /200/);
  assert.match((await chat.say('/models set dev --commercial yes')).ephemeral[0]!.text, /Only/);
});

test('lists and menus offer what is allowed; admins see what they could state', async () => {
  const chat = start();
  chat.set('commercial_only', true);
  const offered = async (command: string, option: string) =>
    (await chat.commands.complete({ command, option, typed: '', tenant: TENANT }, 'en')).map(
      ({ value }) => value,
    );
  assert.deepEqual(await offered('imagine', 'model'), ['mini']);
  assert.deepEqual(await offered('imagine', 'lora'), ['ink']);
  assert.deepEqual(await offered('imagine', 'upscaler'), ['mini', 'lanczos', 'latent', 'model']);
  assert.equal((await offered('models set', 'model')).length, 4);
  const listed = async (as = {}) => (await chat.say('/models list', as)).ephemeral[0]!;
  assert.deepEqual(
    (await listed()).fields!.map(({ name }) => name),
    ['mini', 'ink', 'mini'],
  );
  assert.match((await listed()).notes!.join(' '), /6 files are left out/);
  const all = await listed(admin);
  assert.equal(all.fields!.length, 9);
  assert.match(
    all.fields![1]!.value,
    /not allowed here; .*flux-1-dev-non-commercial-license, not for commercial use/,
  );
  const shown = (await chat.say('/models show found', admin)).ephemeral[0]!;
  const licence = shown.fields!.find(({ name }) => name === 'licence')?.value;
  assert.match(licence!, /^not known\. An admin can state it: \/models set found --licence NAME/);
});

test('switching it on says what remains, that nothing would, and that the default is not among it', async () => {
  const said = async (chat: Harness, line: string) =>
    (await chat.say(line, admin)).ephemeral[0]!.notes!.join(' ');
  const on = '/config set commercial_only on';
  assert.match(await said(start(), on), /1 of 4 models remains: mini\./);
  const other = start();
  other.set('default_model', 'dev');
  assert.match(await said(other, on), /The default model dev is not among them.* default_model mini/);
  const none = startCommands({ models: { ...models, names: () => ['dev', 'found'] } });
  assert.match(await said(none, on), /No installed model .* every request will be refused/);
});

test('moderation says which models have no checker, and that nobody is told of what waits', async () => {
  const said = async (more: object, value: string) => {
    const chat = startCommands({ models, ...more });
    return (await chat.say(`/config set moderation ${value}`, admin)).ephemeral[0]!.notes!.join(' ');
  };
  const bare = {
    ...models,
    resolve: (name = 'mini') => ({ ...MINI, name, hasSafetyChecker: name === 'dev' }),
  };
  assert.match(
    await said({ models: bare }, 'spoiler'),
    /These models have no safety checker.*: mini, sd3(,| and) found/,
  );
  assert.match(
    await said({ models: { ...bare, names: () => ['mini'] } }, 'refuse'),
    /every request will be refused/,
  );
  assert.doesNotMatch(await said({ models: bare, hasClassifier: true }, 'spoiler'), /checker/);
  assert.match(await said({}, 'hold'), /No review_channel is set/);
  assert.doesNotMatch(await said({}, 'spoiler'), /review_channel|checker/);
});

test('an admin who allows what the licence rule forbids is told, and so does /models show', async () => {
  const chat = start();
  const notes = async (line: string) => {
    const { ephemeral } = await chat.say(line, admin);
    return [ephemeral[0]!.text, ...(ephemeral[0]!.notes ?? []), JSON.stringify(ephemeral[0]!.fields)].join(
      ' ',
    );
  };
  assert.doesNotMatch(await notes('/config set allowed_models mini,dev'), /refused/);
  assert.doesNotMatch(await notes('/models show dev'), /refused/);
  chat.set('commercial_only', true);
  assert.match(
    await notes('/config set allowed_models dev,mini,found'),
    /Requests with dev, found are refused/,
  );
  await chat.say('/models disable DEV.safetensors', admin);
  assert.deepEqual(chat.changes.at(-1)?.after, ['mini', 'sd3', 'found']);
  assert.match(await notes('/config set default_upscaler 4x'), /Requests with 4x are refused/);
  assert.doesNotMatch(await notes('/config set default_upscaler lanczos'), /refused/);
  assert.match(await notes('/models show dev'), /not for commercial use\. Requests with it are refused/);
  assert.match(await notes('/models show blot'), /An admin can state it.*Requests with it are refused/);
  assert.doesNotMatch(await notes('/models show ink'), /refused/);
});
