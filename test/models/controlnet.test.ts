/** ControlNets in single files: the same weights as a folder give the same picture; what is none says what it is. */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { DarkroomError } from '../../src/errors.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import { controlKindOf, openControlnet } from '../../src/models/controlnet.ts';
import { originalUnetNames } from '../../src/models/families/original-names.ts';
import { chooseControlnets } from '../../src/models/known-controlnets.ts';
import { recognise } from '../../src/models/recognise.ts';
import { readSafetensorsFile } from '../../src/models/safetensors.ts';
import { sayWords } from '../../src/sentences.ts';
import { CONTROLNETS, jobOf, MODELS } from '../engine/goldens.ts';
import { copyModel, temporaryFolder, write } from './forge.ts';
import { type Forged, type ForgedFile, float, writeSafetensors } from './forge-checkpoint.ts';
import { torchFile } from './forge-pickle.ts';

/** By the model that they belong to. */
const NETS = { 'tiny-sd15': 'sd15-canny', 'tiny-sdxl': 'sdxl-canny' } as const;

const tensorsOf = (net: string) => tensorsIn(join(CONTROLNETS, net, 'diffusion_pytorch_model.safetensors'));

async function tensorsIn(file: string): Promise<ForgedFile> {
  const bytes = await readFile(file);
  return new Map(
    [...(await readSafetensorsFile(file)).tensors].map(([name, { dtype, shape, offset, length }]) => [
      name,
      { dtype, shape, bytes: bytes.subarray(offset, offset + length) },
    ]),
  );
}

/** In the names of its authors (cldm.py). */
async function original(net: string, prefix: string): Promise<ForgedFile> {
  const { layers_per_block: layers, block_out_channels: blocks } = JSON.parse(
    await readFile(join(CONTROLNETS, net, 'config.json'), 'utf8'),
  );
  const own = await tensorsOf(net);
  const hints = [...own.keys()].filter((name) => /cond_embedding\.blocks\.\d+\.weight/.test(name)).length;
  const counts = (blocks as number[]).map(() => layers as number);
  const renamed = [...own].map(([name, of]): [string, Forged] => {
    const [, module, last] = /^(.+)\.(\w+)$/.exec(name) as unknown as [string, string, string];
    const hint = /^controlnet_cond_embedding\.(conv_in|conv_out|blocks\.(\d+))$/.exec(module);
    const zero = /^controlnet_down_blocks\.(\d+)$/.exec(module);
    let to = originalUnetNames(module, counts, () => true)[0]?.name ?? module;
    if (hint?.[1] === 'conv_in') to = 'input_hint_block.0';
    else if (hint?.[1] === 'conv_out') to = `input_hint_block.${2 * (hints + 1)}`;
    else if (hint !== null) to = `input_hint_block.${2 * (Number(hint[2]) + 1)}`;
    else if (zero !== null) to = `zero_convs.${zero[1]}.0`;
    else if (module === 'controlnet_mid_block') to = 'middle_block_out.0';
    return [`${prefix}${to}.${last}`, of];
  });
  return new Map(renamed);
}

/** An A1111 folder with each ControlNet in every form. */
async function folder(t: TestContext): Promise<string> {
  const root = await temporaryFolder(t);
  await cp(MODELS, join(root, 'models'), { recursive: true });
  for (const net of Object.values(NETS)) {
    const own = join(root, 'ControlNet', net);
    await writeSafetensors(join(own, `${net}-plain.safetensors`), await tensorsOf(net));
    await writeSafetensors(join(own, `${net}-cldm.safetensors`), await original(net, ''));
    await writeFile(join(own, `${net}-cldm-v1.pth`), torchFile('zip', await original(net, 'control_model.')));
  }
  return root;
}

test('a single file gives the latents of the folder with the same weights', async (t) => {
  const root = await folder(t);
  const engine = await createEngine({ models: [root, CONTROLNETS], device: cpuDevice({ threads: 1 }) });
  t.after(() => engine.close());
  const draw = async (model: string, controlnet: string) => {
    const controls = [{ kind: 'raw', image: 'inputs/edges-64x64.png', controlnet }];
    const run = await engine.open(
      await jobOf({
        model,
        prompt: 'a red mug',
        num_inference_steps: 2,
        seed: 7,
        sampler: 'euler',
        controls,
      }),
    );
    try {
      while (!(await run.advance(100, () => {})).done);
      return run.latents()[0]!.data;
    } finally {
      await run.close();
    }
  };
  for (const [model, net] of Object.entries(NETS)) {
    const wanted = await draw(model, net);
    for (const form of ['plain', 'cldm', 'cldm-v1'])
      assert.deepEqual(await draw(model, `${net}-${form}`), wanted, `${net}-${form}`);
  }
});

test('a model that is told its guidance, as LCMs are, follows a ControlNet, which is not told it', async (t) => {
  const model = await copyModel(t, 'tiny-sd15');
  const [config, weights] = ['config.json', 'diffusion_pytorch_model.safetensors'].map((name) =>
    join(model, 'unet', name),
  ) as [string, string];
  const unet = JSON.parse(await readFile(config, 'utf8'));
  const [channels] = unet.block_out_channels;
  await writeFile(config, JSON.stringify({ ...unet, time_cond_proj_dim: 32 }));
  const told = Array.from({ length: channels * 32 }, (_, i) => (((i * 37) % 101) - 50) / 100);
  const tensors = await tensorsIn(weights);
  tensors.set('time_embedding.cond_proj.weight', float([channels, 32], told));
  await writeSafetensors(weights, tensors);
  const models = dirname(model);
  const engine = await createEngine({ models: [models, CONTROLNETS], device: cpuDevice({ threads: 1 }) });
  t.after(() => engine.close());
  const controls = [{ kind: 'raw', image: 'inputs/edges-64x64.png', controlnet: 'sd15-canny' }];
  const draft = { model: 'tiny-sd15', prompt: 'a red mug', prompt_syntax: 'plain', seed: 7, controls };
  const run = await engine.open(
    await jobOf(
      { ...draft, num_inference_steps: 2, guidance_scale: 8.5, sampler: 'euler', width: 64, height: 64 },
      { models },
    ),
  );
  t.after(() => run.close());
  while (!(await run.advance(100, () => {})).done);
  const latents = run.latents()[0]!.data;
  // StableDiffusionControlNetPipeline of diffusers 0.42.1 with these weights: each 128th value.
  const wanted = [-11.413, -10.095893, -5.346182, 8.934562, 5.165771, 5.931558, -0.427066, -3.338531];
  for (const [i, value] of wanted.entries())
    assert.ok(Math.abs(latents[i * 128]! - value) < 0.009, `${latents[i * 128]} instead of ${value}`);
});

test('a control takes the ControlNet that fits the model and is named after its kind', async (t) => {
  const root = await folder(t);
  const catalogue = new Catalogue([root]);
  const { inventory } = catalogue;
  const spec = await catalogue.open('tiny-sd15');
  const choose = (controlnet?: string, kind = 'canny' as const) =>
    chooseControlnets([{ kind, image: 'x.png', ...(controlnet && { controlnet }) }], spec, inventory);
  const { controls, notes } = await choose();
  assert.match(controls[0]!.controlnet!, /^sd15-canny-/);
  assert.match(
    notes.map((note) => sayWords('en', note)).join(),
    /--controlnet takes another one: sd15-canny-/,
  );
  assert.equal((await choose('SD15-Canny-cldm')).controls[0]!.controlnet, 'sd15-canny-cldm');
  const refused = async (work: Promise<unknown>, code: string, words: RegExp) =>
    assert.rejects(
      work,
      (error) => error instanceof DarkroomError && error.code === code && words.test(error.message),
    );
  await refused(choose('sd15-cany-cldm'), 'not_found', /sd15-canny-cldm/);
  const xl = await catalogue.open('tiny-sdxl');
  const wrong = [{ kind: 'canny' as const, image: 'x.png', controlnet: 'sd15-canny-plain' }];
  await refused(chooseControlnets(wrong, xl, inventory), 'bad_model', /another family/);
  await refused(
    choose(undefined, 'depth' as never),
    'bad_request',
    /no ControlNet for depth\. It has some for canny/,
  );
  // What its file beside it says wins over its name.
  const json = join(root, 'ControlNet/sd15-canny/sd15-canny-plain.json');
  await write(json, '{"control": "depth"}');
  assert.equal((await choose(undefined, 'depth' as never)).controls[0]!.controlnet, 'sd15-canny-plain');
});

test('kinds are read from the names that people publish', () => {
  const kinds = {
    control_v11p_sd15_canny: 'canny',
    diffusers_xl_depth_full: 'depth',
    thibaud_xl_openpose: 'openpose',
    control_v11p_sd15s2_lineart_anime: 'lineart',
    'xinsir-scribble-sdxl-1.0': 'scribble',
    control_v11f1e_sd15_tile: undefined,
    'canny-depth-mix': undefined,
  };
  for (const [name, kind] of Object.entries(kinds)) assert.equal(controlKindOf([name]), kind, name);
});

test('control networks of other kinds are listed and refused by name', async (t) => {
  const root = await temporaryFolder(t);
  await mkdir(root, { recursive: true });
  const one = (...shape: number[]): Forged =>
    float(shape, new Array(shape.reduce((a, b) => a * b, 1)).fill(0));
  const hint = { 'input_hint_block.0.weight': one(4, 3, 3, 3) };
  const cases: [words: RegExp, tensors: Record<string, Forged>][] = [
    [/Control-LoRA/, { ...hint, lora_controlnet: one(1), 'input_blocks.1.0.in_layers.2.up': one(4, 4) }],
    [/T2I-Adapter/, { 'adapter.body.0.resnets.0.block1.weight': one(4, 4, 3, 3) }],
    [/T2I-Adapter/, { 'body.0.block1.weight': one(4, 4, 3, 3), 'conv_in.weight': one(4, 4, 3, 3) }],
    [
      /ControlNet-Union/,
      { 'controlnet_cond_embedding.conv_in.weight': one(4, 3, 3, 3), task_embedding: one(6, 4) },
    ],
    [/ControlNet-LLLite/, { 'lllite_unet_input_blocks_4_1_x.down.0.weight': one(4, 4) }],
    [/another family/, { 'controlnet_blocks.0.weight': one(4, 4), 'pos_embed.proj.weight': one(4, 4, 2, 2) }],
  ];
  for (const [words, tensors] of cases) {
    const seen = await recognise(
      await writeSafetensors(join(root, 'x.safetensors'), new Map(Object.entries(tensors))),
    );
    assert.equal(seen.kind, 'controlnet', String(words));
    assert.match(seen.refusal!, words);
  }
});

test('a ControlNet that lost the attention of its middle is half a one, in both namings', async (t) => {
  const root = await temporaryFolder(t);
  const net = NETS['tiny-sd15'];
  for (const [name, whole, lost] of [
    ['plain', await tensorsOf(net), 'mid_block.attentions.0'],
    ['cldm', await original(net, ''), 'middle_block.1'],
  ] as const) {
    const half = new Map([...whole].filter(([layer]) => !layer.startsWith(`${lost}.`)));
    const path = await writeSafetensors(join(root, `${name}.safetensors`), half);
    const message = new RegExp(`holds only a part of a ControlNet: ${lost} missing`);
    assert.match((await recognise(path)).refusal ?? '', message);
    await assert.rejects(openControlnet(path), { code: 'bad_model', message });
  }
});
