/** Files of the flow families as people have them: parts that are missing, of other programs, or of another model. */
import assert from 'node:assert/strict';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { abilitiesOf } from '../../src/models/abilities.ts';
import { openCheckpoint } from '../../src/models/checkpoint/open.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { recognise } from '../../src/models/recognise.ts';
import { readWeights } from '../../src/models/weights.ts';
import { sayWords } from '../../src/sentences.ts';
import { copyModel, FIXTURES, temporaryFolder, write } from './forge.ts';
import { type ForgedFile, float, forgeModel, half, writeSafetensors } from './forge-checkpoint.ts';
import { gguf } from './forge-gguf.ts';
import { mutations } from './fuzz.ts';

const only = (layout: string, prefix: string): ForgedFile =>
  new Map([...forgeModel(layout).single].filter(([name]) => name.startsWith(prefix)));
const bare = (tensors: ForgedFile, prefix: string): ForgedFile =>
  new Map(Array.from(tensors, ([name, tensor]) => [name.slice(prefix.length), tensor]));
const TRANSFORMER = 'model.diffusion_model.';
const QWEN = 'text_encoders.qwen3_4b.transformer.';

test('klein in ComfyUI’s split layout: what is missing is named with the way to get it, and lent by name', async (t) => {
  const folder = await temporaryFolder(t);
  const file = (name: string, tensors: ForgedFile) =>
    writeSafetensors(join(folder, `${name}.safetensors`), tensors);
  const klein = await file('klein', bare(only('klein', TRANSFORMER), TRANSFORMER));
  await assert.rejects(openCheckpoint(klein), {
    code: 'bad_model',
    message:
      /does not hold the text encoder Qwen3-4B and the VAE.*darkroom models add https:\/\/\S+\/qwen_3_4b\.safetensors ; darkroom models add https:\/\/\S+\/flux2-vae\.safetensors$/,
  });
  const own = { name: 'qwen', path: await file('qwen', bare(only('klein', QWEN), QWEN)) };
  const other = { name: 'z-qwen', path: await file('z-qwen', bare(only('z-image', QWEN), QWEN)) };
  const ae = { name: 'ae', path: await file('ae', bare(only('z-image', 'vae.'), 'vae.')) };
  const vae = { name: 'flux2-vae', path: await file('flux2-vae', bare(only('klein', 'vae.'), 'vae.')) };
  const lenders = async (part: 'vae' | 'text_encoder') => (part === 'vae' ? [ae, vae] : [other, own]);
  const { lent, defaults } = await openCheckpoint(klein, 'klein', lenders);
  assert.deepEqual(
    Array.from(lent!, ([part, { name }]) => [part, name]),
    [
      ['text_encoder', 'qwen'],
      ['vae', 'flux2-vae'],
    ],
  );
  assert.deepEqual([defaults.numInferenceSteps, defaults.guidanceScale], [4, 1]);
  await writeFile(
    join(folder, 'klein.json'),
    '{"distilled": false, "text_encoders": "qwen", "vae": "flux2-vae"}',
  );
  const base = await openCheckpoint(klein, 'klein', lenders);
  assert.deepEqual([base.defaults.numInferenceSteps, base.defaults.guidanceScale], [50, 4]);
  await writeFile(join(folder, 'klein.json'), '{"text_encoders": "qwen-8b"}');
  await assert.rejects(openCheckpoint(klein, 'klein', lenders), {
    message: /is to use qwen-8b, which is not installed/,
  });
  const dev = new Map([
    ...only('klein', TRANSFORMER),
    [`${TRANSFORMER}guidance_in.in_layer.weight`, half([4, 4], new Float32Array(16))] as const,
  ]);
  assert.match(
    (await recognise(await file('dev', dev))).refusal!,
    /is FLUX\.2 \[dev\], which this version .* does not run/,
  );
});

test('a transformer of FLUX.1 or Z-Image by itself: each part that is missing, with the line that fetches it', async (t) => {
  const folder = await temporaryFolder(t);
  for (const [layout, parts, files] of [
    [
      'flux-dev',
      'the text encoder CLIP-L, the text encoder T5-XXL and the VAE',
      ['clip_l', 't5xxl_fp8_e4m3fn_scaled', 'ae'],
    ],
    ['z-image', 'the text encoder Qwen3-4B and the VAE', ['qwen_3_4b', 'ae']],
  ] as const) {
    const tensors = bare(only(layout, TRANSFORMER), TRANSFORMER);
    const file = await writeSafetensors(join(folder, `${layout}.safetensors`), tensors);
    const lines = files.map((name) => `darkroom models add https://\\S+/${name}\\.safetensors`).join(' ; ');
    await assert.rejects(openCheckpoint(file), {
      code: 'bad_model',
      message: new RegExp(`does not hold ${parts}, and no other file .*${lines}$`),
    });
  }
});

test('GGUF: unknown architectures and types by name, shapes as they were before conversion, hostile headers', async (t) => {
  const folder = await temporaryFolder(t);
  const file = (bytes: Buffer) => write(join(folder, 'x.gguf'), bytes);
  const architecture = { 'general.architecture': 'wan' };
  const wan = await file(gguf({ values: architecture, tensors: [['head.weight', 0, [4, 2], 32]] }));
  const isWan = /x\.gguf is a GGUF file of the architecture wan, which .* does not run/;
  await assert.rejects(openCheckpoint(wan), { code: 'unsupported', message: isWan });
  assert.match((await recognise(wan)).refusal!, isWan);
  for (const [type, name] of [
    [23, 'IQ4_XS'],
    [39, 'MXFP4'],
    [77, 'type 77'],
  ] as const) {
    const bytes = gguf({ values: architecture, tensors: [['a.weight', type, [256, 2], 512]] });
    await assert.rejects(readWeights(await file(bytes)), {
      code: 'unsupported',
      message: new RegExp(`a\\.weight is stored as ${name},`),
    });
  }
  const shaped = (sides: readonly number[]) =>
    gguf({
      values: { ...architecture, 'comfy.gguf.orig_shape.a.weight': sides },
      tensors: [['a.weight', 0, [36, 2], 288]],
    });
  const { tensors } = await readWeights(await file(shaped([2, 4, 3, 3])));
  assert.deepEqual(tensors.get('a.weight')!.shape, [2, 4, 3, 3]);
  await assert.rejects(readWeights(await file(shaped([2, 4, 3, 4]))), {
    message: /has 72 numbers, but is said to be 2 x 4 x 3 x 4/,
  });
  await assert.rejects(readWeights(await file(shaped([1, 1, 1, 1, 1, 1, 1, 2, 36]))), { code: 'bad_model' });
  const whole = gguf({
    values: { ...architecture, 'general.alignment': 32, 'comfy.gguf.orig_shape.a.weight': [2, 4, 3, 3] },
    tensors: [
      ['a.weight', 0, [36, 2], 288],
      ['b.weight', 8, [64, 2], 136],
    ],
  });
  let refused = 0;
  for (const bytes of mutations(whole, 200)) {
    await recognise(await file(bytes)).catch((error) => {
      assert.ok(error instanceof DarkroomError && error.code !== 'internal', String(error));
      refused++;
    });
  }
  assert.ok(refused > 50, `${refused} were refused`);
});

test('Chroma, whose blocks have the names of FLUX.1, is refused by its name with what is missing', async (t) => {
  const folder = await temporaryFolder(t);
  const names = ['distilled_guidance_layer.in_proj.bias', 'double_blocks.0.img_attn.qkv.weight'];
  const floats = (prefix: string) => new Map(names.map((name) => [`${prefix}${name}`, float([1], [1])]));
  const files = [
    await writeSafetensors(join(folder, 'a.safetensors'), floats('')),
    await writeSafetensors(join(folder, 'b.safetensors'), floats(TRANSFORMER)),
    await write(
      join(folder, 'c.gguf'),
      gguf({
        values: { 'general.architecture': 'flux' },
        tensors: [
          [names[0]!, 0, [4, 2], 32],
          [names[1]!, 0, [4, 2], 32],
        ],
      }),
    ),
  ];
  for (const file of files) {
    const message = /is a Chroma model, which .* not run: .*distilled_guidance_layer.*FLUX\.1/;
    await assert.rejects(openCheckpoint(file), { code: 'unsupported', message });
    assert.match((await recognise(file)).refusal!, message);
  }
});

test('weights that bitsandbytes or torchao packed are refused by that name, in a file and in a folder', async (t) => {
  const folder = await temporaryFolder(t);
  const name = `${TRANSFORMER}double_blocks.0.img_attn.qkv.weight`;
  const state = { dtype: 'U8', shape: [2], bytes: Buffer.from('{}') };
  const nf4 = new Map([
    ...only('flux-dev', TRANSFORMER),
    [`${name}.absmax`, float([1], [1])],
    [`${name}.quant_state.bitsandbytes__nf4`, state],
  ] as const);
  const refusal =
    /x\.safetensors: its weights are quantised with bitsandbytes, which .* does not read\. Use the same model as GGUF/;
  const file = await writeSafetensors(join(folder, 'x.safetensors'), nf4);
  await assert.rejects(openCheckpoint(file), { code: 'unsupported', message: refusal });
  await writeSafetensors(file, new Map([['a_qdata', float([1], [1])]]), { tensor_names: '["a"]' });
  await assert.rejects(openCheckpoint(file), { message: /quantised with torchao/ });
  const model = await copyModel(t, 'tiny-flux-dev');
  const config = join(model, 'transformer/config.json');
  for (const method of ['bitsandbytes', 'torchao', 'gptq']) {
    await writeFile(config, JSON.stringify({ quantization_config: { quant_method: method, bits: 4 } }));
    await assert.rejects(openModelFolder(model), {
      code: 'unsupported',
      message: new RegExp(`transformer/config\\.json: its weights are quantised with ${method}`),
    });
  }
});

test('parts of several flow families in one folder, and a tokenizer that pads at the beginning, are refused', async (t) => {
  const folder = await copyModel(t, 'tiny-klein');
  const take = async (part: string, from: string) => {
    await rm(join(folder, part), { recursive: true });
    await cp(join(FIXTURES, from, part), join(folder, part), { recursive: true });
  };
  await take('vae', 'tiny-flux-dev');
  await assert.rejects(openModelFolder(folder), {
    message:
      /The VAE has 16 latent channels, which the transformer would read as 64; the transformer has 16: .* different models/,
  });
  await take('vae', 'tiny-klein');
  await take('transformer', 'tiny-flux-dev');
  await assert.rejects(openModelFolder(folder), { code: 'unsupported' });
  await take('transformer', 'tiny-klein');
  await take('text_encoder', 'tiny-z-image');
  await assert.rejects(openModelFolder(folder), { message: /has 3 layers; FLUX\.2 klein reads layer 27/ });
  await take('text_encoder', 'tiny-klein');
  const tokenizer = join(folder, 'tokenizer/tokenizer_config.json');
  await writeFile(tokenizer, JSON.stringify({ tokenizer_class: 'Qwen2Tokenizer', padding_side: 'left' }));
  await assert.rejects(openModelFolder(folder), { code: 'unsupported', message: /padding_side \("left"\)/ });
});

test('what each flow model can do is told from what its family says', async () => {
  const told = async (name: string) =>
    abilitiesOf(await openModelFolder(join(FIXTURES, name))).map((ability) => sayWords('en', ability));
  const pictures = 'starts from words or a picture, also under a mask';
  const loras = 'takes LoRAs, no ControlNets';
  const none = 'no guidance and no negative prompt';
  const edits = 'edits up to 4 pictures by instruction';
  assert.deepEqual(await told('tiny-flux-dev'), [
    '28 steps',
    'guidance 3.5, no negative prompt',
    pictures,
    loras,
  ]);
  assert.deepEqual(await told('tiny-flux-schnell'), ['4 steps', none, pictures, loras]);
  assert.deepEqual(await told('tiny-klein'), ['4 steps', none, pictures, edits, loras]);
  assert.deepEqual(await told('tiny-z-image'), [
    '50 steps',
    'guidance 5 with a negative prompt',
    pictures,
    loras,
  ]);
  assert.match((await told('tiny-sd15')).at(-1)!, /ControlNets$/);
});
