import assert from 'node:assert/strict';
import { cp, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Catalogue } from '../../src/models/catalogue.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { FIXTURES, safetensors, temporaryFolder, write } from './forge.ts';
import { forgeModel, writeSafetensors } from './forge-checkpoint.ts';

/** A LoRA of one layer as kohya's scripts write it. */
const lora = (metadata: Record<string, string> = {}) =>
  safetensors(
    {
      __metadata__: metadata,
      'lora_unet_mid_block_attentions_0_proj_in.lora_down.weight': {
        dtype: 'F16',
        shape: [1, 4],
        data_offsets: [0, 8],
      },
      'lora_unet_mid_block_attentions_0_proj_in.lora_up.weight': {
        dtype: 'F16',
        shape: [4, 1],
        data_offsets: [8, 16],
      },
    },
    16,
  );
const embedding = safetensors(
  { emb_params: { dtype: 'F32', shape: [1, 768], data_offsets: [0, 3072] } },
  3072,
);

async function read(folders: string[], options = {}): Promise<Inventory> {
  const inventory = new Inventory(folders, options);
  await inventory.look();
  await inventory.settled();
  return inventory;
}
const names = (inventory: Inventory, kind: 'checkpoint' | 'lora' | 'embedding' | 'unknown' | 'controlnet') =>
  inventory
    .entries(kind)
    .map(({ name }) => name)
    .toSorted();

test('layouts of A1111, ComfyUI, the Hugging Face cache and flat folders: by contents, never by place', async (t) => {
  const root = await temporaryFolder(t);
  const forged = forgeModel('sd1');
  await writeSafetensors(
    await made(join(root, 'a1111/models/Stable-diffusion/photo.safetensors')),
    forged.single,
  );
  await write(join(root, 'a1111/models/Lora/ink.safetensors'), lora());
  await write(join(root, 'a1111/embeddings/easy.safetensors'), embedding);
  await writeSafetensors(
    await made(join(root, 'comfy/models/checkpoints/sub/dream.safetensors')),
    forged.single,
  );
  await write(join(root, 'comfy/models/loras/wrong place.safetensors'), embedding);
  const repository = join(root, 'hub/models--ada--hubbed');
  const snapshot = join(repository, 'snapshots/abc');
  await cp(join(FIXTURES, 'tiny-sd15'), snapshot, { recursive: true });
  const weights = join(snapshot, 'unet/diffusion_pytorch_model.safetensors');
  await mkdir(join(repository, 'blobs'));
  await rename(weights, join(repository, 'blobs/f00'));
  await symlink('../../../blobs/f00', weights);
  await write(join(repository, 'refs/main'), 'abc');
  await mkdir(join(repository, 'snapshots/older'));
  await write(join(root, 'flat/canny/config.json'), '{"_class_name": "ControlNetModel"}');
  await write(join(root, 'flat/ink2.safetensors'), lora());

  const inventory = await read([
    join(root, 'a1111'),
    join(root, 'comfy/models'),
    join(root, 'hub'),
    join(root, 'flat'),
  ]);
  assert.deepEqual(names(inventory, 'checkpoint'), ['dream', 'hubbed', 'photo']);
  assert.deepEqual(names(inventory, 'lora'), ['ink', 'ink2']);
  assert.deepEqual(names(inventory, 'controlnet'), ['canny']);
  assert.deepEqual(names(inventory, 'embedding'), ['easy', 'wrong place']);
  const photo = (await inventory.find('checkpoint', 'photo'))!;
  assert.deepEqual(
    [photo.family, photo.dtype, photo.predictionType],
    ['Stable Diffusion 1', 'F16', 'epsilon'],
  );
  // A folder is as large as its weights.
  const { bytes } = (await inventory.find('checkpoint', 'hubbed'))!;
  assert.ok(bytes > 400_000, `${bytes}`);

  const catalogue = new Catalogue([join(root, 'a1111'), join(root, 'hub')]);
  assert.equal((await catalogue.open('photo')).name, 'photo');
  assert.equal((await catalogue.open('Photo.safetensors [0123456789]')).name, 'photo');
  assert.equal((await catalogue.open('hubbed')).name, 'hubbed');
});

const made = async (file: string) => {
  await mkdir(dirname(file), { recursive: true });
  return file;
};

test('two of one name are told apart, keep their names, and it is said', async (t) => {
  const root = await temporaryFolder(t);
  const file = join(root, 'index.json');
  await write(join(root, 'm/b/ink.safetensors'), lora());
  const first = await read([join(root, 'm')], { file });
  await first.save();
  // One that comes later does not take the name, wherever it stands.
  await write(join(root, 'm/a/ink.safetensors'), lora());
  await write(join(root, 'm/a/ink.pt.safetensors'), embedding);
  await write(join(root, 'm/a/<lora:x>.safetensors'), lora());
  await write(join(root, 'm/a/black, white.safetensors'), lora());
  const inventory = await read([join(root, 'm')], { file });
  assert.deepEqual(names(inventory, 'lora'), ['_lora_x_', 'a-ink', 'black_ white', 'ink'].toSorted());
  // A comma would end the name in a row of LoRAs; the file's own name finds it all the same.
  assert.equal((await inventory.find('lora', 'black, white'))?.name, 'black_ white');
  assert.equal((await inventory.find('lora', 'ink'))!.path, join(root, 'm/b/ink.safetensors'));
  const other = (await inventory.find('lora', 'a-ink'))!;
  assert.match(other.renamed!, /Another lora is called ink, so this one is called a-ink/);
  // A process that reads only what it is asked for calls them the same.
  const engine = new Inventory([join(root, 'm')], { file, keeps: false });
  assert.equal((await engine.find('lora', 'a-ink'))!.path, join(root, 'm/a/ink.safetensors'));
});

test('what is known is kept: only what is new or changed is read again', async (t) => {
  const root = await temporaryFolder(t);
  const [file, path] = [join(root, 'index.json'), join(root, 'm/ink.safetensors')];
  await write(path, lora({ ss_output_name: 'Ink' }));
  const first = await read([join(root, 'm')], { file });
  const sha256 = await first.hash(path);
  await first.save();
  // The same size and time: the kept answer stands, which shows that the file was not opened.
  const { size } = await import('node:fs/promises').then(({ stat }) => stat(path));
  const when = new Date('2026-01-01');
  await utimes(path, when, when);
  const again = await read([join(root, 'm')], { file });
  await again.save();
  await writeFile(path, Buffer.alloc(size, 1));
  await utimes(path, when, when);
  const kept = await read([join(root, 'm')], { file });
  assert.equal((await kept.find('lora', 'ink'))!.title, 'Ink');
  await utimes(path, new Date('2026-01-02'), new Date('2026-01-02'));
  await kept.look();
  await kept.settled();
  assert.match(kept.entries('unknown')[0]!.refusal!, /not a usable safetensors file/);
  assert.match(sha256!, /^[0-9a-f]{64}$/);

  await writeFile(file, '{"version": 1, "files": {"/x": 7}}');
  assert.equal((await read([join(root, 'm')], { file })).entries().length, 1, 'a damaged index is made anew');
});

test('a file that comes is found, one that goes is gone, one that is replaced is read again', async (t) => {
  const root = await temporaryFolder(t);
  const inventory = await read([root]);
  const path = await write(join(root, 'late.safetensors'), lora());
  assert.equal((await inventory.find('lora', 'late'))!.name, 'late');
  const before = await inventory.hash(path);
  await write(join(root, 'new'), lora({ ss_output_name: 'Other' }));
  await rename(join(root, 'new'), path);
  assert.equal((await inventory.find('lora', 'late'))!.title, 'Other');
  assert.notEqual(await inventory.hash(path), before);
  await rm(path);
  assert.equal(await inventory.find('lora', 'late'), undefined);
});

test('links to files outside, those that lead nowhere, and hidden files are refused by name; the operator’s own linked folders are followed', async (t) => {
  const root = await temporaryFolder(t);
  await write(join(root, 'elsewhere/far.safetensors'), lora());
  await mkdir(join(root, 'm/Lora/pack/deep'), { recursive: true });
  await symlink(join(root, 'elsewhere'), join(root, 'm/Lora/mine'));
  await symlink(join(root, 'm'), join(root, 'm/Lora/round'));
  await write(join(root, 'other/secret.safetensors'), lora());
  await symlink(join(root, 'other/secret.safetensors'), join(root, 'm/Lora/pack/x.safetensors'));
  await symlink(join(root, 'other'), join(root, 'm/Lora/pack/deep/folder'));
  await symlink(join(root, 'm/nothing'), join(root, 'm/gone.safetensors'));
  await symlink(join(root, 'm/nothing'), join(root, 'm/unmounted'));
  await symlink(join(root, 'm/nothing'), join(root, 'm/readme.txt'));
  for (const name of ['.style', '._style']) await write(join(root, `m/Lora/${name}.safetensors`), lora());
  const inventory = await read([join(root, 'm')]);
  assert.deepEqual(names(inventory, 'lora'), ['far']);
  const said = [...inventory.refused.values()].join('\n');
  assert.match(
    said,
    /x\.safetensors is a link to a file outside\. Add the folder of that file to DARKROOM_MODELS/,
  );
  assert.match(said, /folder is a link to a folder outside/);
  assert.match(said, /gone\.safetensors is a link that leads nowhere/);
  assert.match(said, /unmounted is a link that leads nowhere/);
  assert.match(said, /^\.style\.safetensors is hidden: its name begins with a dot\. Rename it to use it\.$/m);
  assert.doesNotMatch(said, /readme|\._style/);
  assert.deepEqual(names(await read([join(root, 'm'), join(root, 'other')]), 'lora'), ['far', 'secret']);
});

test('words of strangers are one bounded line each; trigger words come from the card, the file or its tags', async (t) => {
  const root = await temporaryFolder(t);
  const tags = JSON.stringify({ '10_x': { 'dark room': 40, red: 35, rare: 2 }, '5_y': { red: 10 } });
  await write(
    join(root, 'tags.safetensors'),
    lora({ ss_tag_frequency: tags, ss_sd_model_name: 'sd_xl_base_1.0' }),
  );
  await write(
    join(root, 'loud.safetensors'),
    lora({
      'modelspec.title': `<b>@everyone</b>\n\u202e${'x'.repeat(5_000_000)}`,
      'modelspec.license': 'mit',
    }),
  );
  await write(join(root, 'card.safetensors'), lora({ ss_tag_frequency: '{"a": {"b": 1}}' }));
  await write(join(root, 'card.json'), '{"activation text": "ink wash", "sd version": "SD1"}');
  await write(join(root, 'card.civitai.info'), '{"trainedWords": ["other"], "baseModel": "SDXL"}');
  await write(join(root, 'card.preview.png'), 'png');
  await write(join(root, 'bad.safetensors'), lora({ ss_tag_frequency: '{"a": [1, null, {"b": "c"}]' }));
  await write(join(root, 'bad.json'), '[');
  const inventory = await read([root]);
  const entry = (name: string) => inventory.entries().find((one) => one.name === name)!;
  assert.deepEqual(entry('tags').triggerWords, ['red', 'dark room']);
  assert.equal(entry('tags').baseModel, 'sd_xl_base_1.0');
  assert.equal(entry('loud').title!.length, 200);
  assert.match(entry('loud').title!, /^<b>@everyone<\/b> x+$/);
  assert.equal(entry('loud').licence, 'mit');
  assert.deepEqual([entry('card').triggerWords, entry('card').baseModel], [['ink wash'], 'SD1']);
  assert.equal(entry('card').thumbnail, join(root, 'card.preview.png'));
  assert.equal(entry('bad').kind, 'lora');
});

test('a licence comes from the folder\u2019s own file, a model card, the metadata or what lies beside a file', async (t) => {
  const root = await temporaryFolder(t);
  const card = (matter: string) => `---\n${matter}\n---\n# A model\nlicense: mit\n`;
  const vae = '{"_class_name": "AutoencoderKL"}';
  const folders: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    plain: { 'README.md': card('tags:\n- art\nlicense: apache-2.0 # free') },
    other: { 'README.md': card('license: other\r\nlicense_name: flux-1-dev-non-commercial-license') },
    list: { 'README.md': card('license:\n  - cc-by-nc-4.0') },
    bare: { 'README.md': 'license: mit\n' },
    said: {
      'README.md': card('license: mit'),
      'darkroom.json': '{"licence": "own", "commercial_use": true}',
    },
  };
  for (const [name, files] of Object.entries(folders))
    for (const [file, text] of Object.entries({ 'config.json': vae, ...files }))
      await write(join(root, name, file), text);
  const hub = join(root, 'models--ada--lora/snapshots/abc');
  await write(join(hub, 'hubbed.safetensors'), lora());
  await write(join(hub, 'README.md'), card('license: openrail'));
  await write(join(root, 'meta.safetensors'), lora({ 'modelspec.license': 'Apache-2.0' }));
  await write(join(root, 'civit.safetensors'), lora());
  await write(join(root, 'civit.civitai.info'), '{"model": {"allowCommercialUse": ["RentCivit"]}}');
  await write(join(root, 'mine.safetensors'), lora({ 'modelspec.license': 'cc-by-nc-4.0' }));
  await write(join(root, 'mine.json'), '{"licence": "bought", "commercial_use": true}');
  await write(join(root, 'mine.civitai.info'), '{"allowCommercialUse": "None"}');
  const inventory = await read([root]);
  const found = Object.fromEntries(
    inventory.entries().map(({ name, licence, commercial }) => [name, [licence, commercial]]),
  );
  assert.deepEqual(found, {
    plain: ['apache-2.0', undefined],
    other: ['flux-1-dev-non-commercial-license', undefined],
    list: ['cc-by-nc-4.0', undefined],
    bare: [undefined, undefined],
    said: ['own', true],
    hubbed: ['openrail', undefined],
    meta: ['Apache-2.0', undefined],
    civit: [undefined, false],
    mine: ['bought', true],
  });
});
