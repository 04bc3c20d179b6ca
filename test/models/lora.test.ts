/**
 * LoRA files in all spellings and kinds, without an engine: what they change is compared with a dense fold in float64,
 * and what cannot be used is refused by name.
 */
import assert from 'node:assert/strict';
import { mkdir, open, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planFold, withFold, writeFold } from '../../src/engine/lora/fold.ts';
import { DarkroomError } from '../../src/errors.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import type { Matrix } from '../../src/models/lora/delta.ts';
import { openLora } from '../../src/models/lora/file.ts';
import { loraNamed } from '../../src/models/lora/known.ts';
import {
  componentsOf,
  describeIdle,
  describeUnused,
  type LoraPlan,
  planLora,
} from '../../src/models/lora/plan.ts';
import { ValueReader } from '../../src/models/lora/values.ts';
import { recognise } from '../../src/models/recognise.ts';
import { sayWords, type Words } from '../../src/sentences.ts';
import { FIXTURES, temporaryFolder, write } from './forge.ts';
import { loraBytes, random, respell, scalar, type Values, writeLora } from './lora-files.ts';

const inEnglish = (words: Words | undefined) => words && sayWords('en', words);

const LORAS = join(FIXTURES, '../loras');
const [sd15, sdxl, sd3] = (await Promise.all(
  ['tiny-sd15', 'tiny-sdxl', 'tiny-sd3'].map((name) => openModelFolder(join(FIXTURES, name))),
)) as [Spec, Spec, Spec];
type Spec = Awaited<ReturnType<typeof openModelFolder>>;

/** What a file changes: part, module, and the tensors' shapes. */
const outline = ({ changes }: LoraPlan) =>
  changes
    .map(
      ({ place, adapter }) =>
        `${place.part} ${place.module} ${adapter.rows}x${adapter.columns} ${adapter.rank}`,
    )
    .sort();

const UNET = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
const TEXT = 'text_model.encoder.layers.0.self_attn.q_proj';
const BLOCK = 'transformer_blocks.0.attn.to_out.0';
const flat = (name: string) => name.replaceAll('.', '_');

/** One module of the UNet and one of the text encoder, as each program names them. */
const DIALECTS: Readonly<Record<string, readonly [unet: string, text: string, down: string, up: string]>> = {
  'kohya-ss': [`lora_unet_${flat(UNET)}`, `lora_te_${flat(TEXT)}`, '.lora_down.weight', '.lora_up.weight'],
  'kohya-ss, SGM order': [
    'lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q',
    `lora_te1_${flat(TEXT)}`,
    '.lora_down.weight',
    '.lora_up.weight',
  ],
  'diffusers, first files': [
    `unet.${UNET.replace('.to_q', '.processor.to_q')}`,
    `text_encoder.${TEXT.replace('q_proj', 'to_q')}`,
    '_lora.down.weight',
    '_lora.up.weight',
  ],
  'diffusers, layers': [`unet.${UNET}`, `text_encoder.${TEXT}`, '.lora.down.weight', '.lora.up.weight'],
  'diffusers, linear layers': [
    `unet.${UNET}`,
    `text_encoder.${TEXT}`,
    '.lora_linear_layer.down.weight',
    '.lora_linear_layer.up.weight',
  ],
  'diffusers with PEFT': [`unet.${UNET}`, `text_encoder.${TEXT}`, '.lora_A.weight', '.lora_B.weight'],
  'PEFT, one adapter': [
    `base_model.model.${UNET}`,
    `base_model.model.${TEXT}`,
    '.lora_A.weight',
    '.lora_B.weight',
  ],
  'PEFT, adapters with names': [
    `base_model.model.unet.${UNET}`,
    `base_model.model.text_encoder.${TEXT}`,
    '.lora_A.default.weight',
    '.lora_B.default.weight',
  ],
  'attention processors alone': [
    UNET.replace('.to_q', '.processor.to_q'),
    TEXT,
    '_lora.down.weight',
    '_lora.up.weight',
  ],
  'ComfyUI, ai-toolkit': [
    'diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q',
    `text_encoders.clip_l.transformer.${TEXT}`,
    '.lora_A.weight',
    '.lora_B.weight',
  ],
  OneTrainer: [`lora_unet_${flat(UNET)}`, `lora_te1_${flat(TEXT)}`, '.lora_down.weight', '.lora_up.weight'],
  'SimpleTuner, LyCORIS': [
    `lycoris_${flat(UNET)}`,
    `lora_te_${flat(TEXT)}`,
    '.lora_down.weight',
    '.lora_up.weight',
  ],
};

for (const [dialect, [unet, text, down, up]] of Object.entries(DIALECTS)) {
  test(`a spelling: ${dialect}`, async (t) => {
    const end =
      text === TEXT && down.startsWith('_')
        ? ['.lora_linear_layer.down.weight', '.lora_linear_layer.up.weight']
        : [down, up];
    const file = await writeLora(await temporaryFolder(t), 'x', {
      [unet + down]: random(1, 2, 8),
      [unet + up]: random(2, 8, 2),
      [`${text}${end[0]}`]: random(3, 3, 16),
      [`${text}${end[1]}`]: random(4, 16, 3),
    });
    const plan = planLora(await openLora(file), sd15);
    assert.deepEqual(outline(plan), [`denoiser ${UNET} 8x8 2`, `textEncoder ${TEXT} 16x16 3`]);
    assert.deepEqual([plan.used, plan.total], [4, 4]);
  });
}

test('MMDiT: diffusers, OneTrainer, kohya-ss and ComfyUI name the same layers, fused or not', async (t) => {
  const folder = await temporaryFolder(t);
  const names = [
    `transformer.${BLOCK}`,
    `lora_transformer_${flat(BLOCK)}`,
    'lora_unet_joint_blocks_0_x_block_attn_proj',
    'diffusion_model.joint_blocks.0.x_block.attn.proj',
  ];
  for (const [i, name] of names.entries()) {
    const file = await writeLora(folder, `x${i}`, {
      [`${name}.lora_down.weight`]: random(1, 2, 16),
      [`${name}.lora_up.weight`]: random(2, 16, 2),
    });
    assert.deepEqual(outline(planLora(await openLora(file), sd3)), [`denoiser ${BLOCK} 16x16 2`], name);
  }
  const fused = 'lora_unet_joint_blocks_1_x_block_attn_qkv';
  const file = await writeLora(folder, 'fused', {
    [`${fused}.lora_down.weight`]: random(1, 2, 16),
    [`${fused}.lora_up.weight`]: random(2, 48, 2),
  });
  const plan = planLora(await openLora(file), sd3);
  assert.deepEqual(
    plan.changes.map(({ place }) => `${place.module.split('.').at(-1)} ${place.rows?.index}`).sort(),
    ['to_k 1', 'to_q 0', 'to_v 2'],
  );
  assert.equal(plan.used, 2);
});

test("both of SDXL's text encoders, by their numbers", async (t) => {
  const names = ['lora_te1_', 'lora_te2_'].map((prefix) => `${prefix}text_model_encoder_layers_0_mlp_fc1`);
  const [first, second] = sdxl.textEncoders.map(
    ({ component }) =>
      component.tensors.get('text_model.encoder.layers.0.mlp.fc1.weight')?.shape ??
      component.tensors.get('encoder.layers.0.mlp.fc1.weight')!.shape,
  ) as [readonly number[], readonly number[]];
  const tensors: Record<string, Values> = {};
  for (const [i, shape] of [first, second].entries()) {
    tensors[`${names[i]}.lora_down.weight`] = random(i, 2, shape[1]!);
    tensors[`${names[i]}.lora_up.weight`] = random(i, shape[0]!, 2);
  }
  const plan = planLora(await openLora(await writeLora(await temporaryFolder(t), 'x', tensors)), sdxl);
  assert.deepEqual(
    plan.changes.map(({ place }) => place.part),
    ['textEncoder', 'textEncoder2'],
  );
});

test('the projection of the second text encoder, and the T5 as the third', async (t) => {
  const shapeOf = (spec: Spec, part: string, name: string) =>
    spec.textEncoders.find((one) => one.name === part)!.component.tensors.get(`${name}.weight`)!.shape;
  const cases: [spec: Spec, part: string, module: string, names: string[]][] = [
    [sdxl, 'textEncoder2', 'text_projection', ['lora_te2_text_projection', 'text_encoder_2.text_projection']],
    [
      ...([sd3, 'textEncoder3', 'encoder.block.0.layer.0.SelfAttention.q'] as const),
      [
        'lora_te3_encoder_block_0_layer_0_SelfAttention_q',
        't5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q',
      ],
    ],
  ];
  const folder = await temporaryFolder(t);
  for (const [spec, part, module, names] of cases) {
    const [rows, columns] = shapeOf(spec, part, module) as [number, number];
    for (const name of names) {
      const file = await writeLora(folder, 'x', {
        [`${name}.lora_down.weight`]: random(1, 2, columns),
        [`${name}.lora_up.weight`]: random(2, rows, 2),
      });
      const plan = planLora(await openLora(file), spec);
      assert.deepEqual(outline(plan), [`${part} ${module} ${rows}x${columns} 2`], name);
    }
  }
});

// ---- what the kinds add, in float64

type Dense = readonly (readonly number[])[];
const dense = ({ data }: Values, rows: number, columns: number): Dense =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => data[i * columns + j]!));
const times = (a: Dense, b: Dense): Dense =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
const turned = (a: Dense): Dense => a[0]!.map((_, j) => a.map((row) => row[j]!));
const map = (a: Dense, change: (value: number, i: number, j: number) => number): Dense =>
  a.map((row, i) => row.map((value, j) => change(value, i, j)));
const kron = (a: Dense, b: Dense): Dense =>
  a.flatMap((row) => b.map((other) => row.flatMap((value) => other.map((x) => value * x))));
/** core [r, s, k], up [rows, r], down [s, columns]: sum over r and s. */
const tucker = (core: Values, up: Dense, down: Dense): Dense => {
  const [r, s, ...sides] = core.shape as [number, number, number, number];
  const k = sides[0]! * sides[1]!;
  return up.map((row) =>
    down[0]!.flatMap((_, q) =>
      Array.from({ length: k }, (_, l) => {
        let sum = 0;
        for (let i = 0; i < r; i++)
          for (let j = 0; j < s; j++) sum += row[i]! * core.data[(i * s + j) * k + l]! * down[j]![q]!;
        return sum;
      }),
    ),
  );
};

const CONV = 'down_blocks.0.resnets.0.conv1';
const NORM = 'down_blocks.0.resnets.0.norm1';
const [a, b, c, d] = [random(11, 8, 2), random(12, 2, 8), random(13, 8, 2), random(14, 2, 8)];
const wide = (seed: number, ...shape: number[]) => random(seed, ...shape);

interface Kind {
  readonly module: string;
  readonly shape: readonly [rows: number, columns: number];
  readonly tensors: Readonly<Record<string, Values>>;
  /** The new weight of the old one, at weight 0.7. */
  readonly expected: (weight: Dense) => Dense;
}
const W = 0.7;
const added = (delta: Dense, scale: number) => (weight: Dense) =>
  map(weight, (value, i, j) => value + W * scale * delta[i]![j]!);
const low = times(dense(a, 8, 2), dense(b, 2, 8));
const lengths = random(20, 8, 1);
const t1 = wide(31, 2, 3, 3, 3);
const t2 = wide(32, 2, 3, 3, 3);
const [ta, tb, tc, td] = [random(33, 2, 8), random(34, 3, 8), random(35, 2, 8), random(36, 3, 8)];

const KINDS: Readonly<Record<string, Kind>> = {
  'LoRA with alpha': {
    module: UNET,
    shape: [8, 8],
    tensors: { '.lora_up.weight': a, '.lora_down.weight': b, '.alpha': scalar(3) },
    expected: added(low, 3 / 2),
  },
  'a convolution': {
    module: CONV,
    shape: [8, 72],
    tensors: { '.lora_up.weight': wide(41, 8, 2, 1, 1), '.lora_down.weight': wide(42, 2, 8, 3, 3) },
    expected: added(times(dense(wide(41, 8, 2), 8, 2), dense(wide(42, 2, 72), 2, 72)), 1),
  },
  'a convolution with a core': {
    module: CONV,
    shape: [8, 72],
    tensors: {
      '.lora_up.weight': wide(43, 8, 2, 1, 1),
      '.lora_mid.weight': t1,
      '.lora_down.weight': wide(44, 3, 8, 1, 1),
      '.alpha': scalar(1),
    },
    expected: added(tucker(t1, dense(wide(43, 8, 2), 8, 2), dense(wide(44, 3, 8), 3, 8)), 1 / 3),
  },
  LoHa: {
    module: UNET,
    shape: [8, 8],
    tensors: { '.hada_w1_a': a, '.hada_w1_b': b, '.hada_w2_a': c, '.hada_w2_b': d, '.alpha': scalar(1) },
    expected: added(
      map(low, (value, i, j) => value * times(dense(c, 8, 2), dense(d, 2, 8))[i]![j]!),
      1 / 2,
    ),
  },
  'LoHa with cores': {
    module: CONV,
    shape: [8, 72],
    tensors: {
      '.hada_w1_a': ta,
      '.hada_w1_b': tb,
      '.hada_t1': t1,
      '.hada_w2_a': tc,
      '.hada_w2_b': td,
      '.hada_t2': t2,
    },
    expected: added(
      map(
        tucker(t1, turned(dense(ta, 2, 8)), dense(tb, 3, 8)),
        (value, i, j) => value * tucker(t2, turned(dense(tc, 2, 8)), dense(td, 3, 8))[i]![j]!,
      ),
      1,
    ),
  },
  'LoKr, whole': {
    module: UNET,
    shape: [8, 8],
    tensors: { '.lokr_w1': wide(51, 2, 4), '.lokr_w2': wide(52, 4, 2), '.alpha': scalar(9) },
    expected: added(kron(dense(wide(51, 2, 4), 2, 4), dense(wide(52, 4, 2), 4, 2)), 1),
  },
  'LoKr, in factors': {
    module: UNET,
    shape: [8, 8],
    tensors: {
      '.lokr_w1': wide(51, 2, 2),
      '.lokr_w2_a': wide(53, 4, 1),
      '.lokr_w2_b': wide(54, 1, 4),
      '.alpha': scalar(2),
    },
    expected: added(
      kron(dense(wide(51, 2, 2), 2, 2), times(dense(wide(53, 4, 1), 4, 1), dense(wide(54, 1, 4), 1, 4))),
      2,
    ),
  },
  'LoKr of a convolution with a core': {
    module: CONV,
    shape: [8, 72],
    tensors: {
      '.lokr_w1_a': wide(55, 2, 1),
      '.lokr_w1_b': wide(56, 1, 2),
      '.lokr_w2_a': wide(57, 2, 4),
      '.lokr_w2_b': wide(58, 3, 4),
      '.lokr_t2': t1,
      '.alpha': scalar(3),
    },
    expected: added(
      kron(
        times(dense(wide(55, 2, 1), 2, 1), dense(wide(56, 1, 2), 1, 2)),
        tucker(t1, turned(dense(wide(57, 2, 4), 2, 4)), dense(wide(58, 3, 4), 3, 4)),
      ),
      1,
    ),
  },
  DoRA: {
    module: UNET,
    shape: [8, 8],
    tensors: { '.lora_up.weight': a, '.lora_down.weight': b, '.alpha': scalar(1), '.dora_scale': lengths },
    expected: dora('rows'),
  },
  'DoRA, ai-toolkit': {
    module: UNET,
    shape: [8, 8],
    tensors: {
      '.lora_B.weight': a,
      '.lora_A.weight': b,
      '.alpha': scalar(1),
      '.magnitude': { ...lengths, shape: [8] },
    },
    expected: dora('rows'),
  },
  'DoRA of inputs': {
    module: UNET,
    shape: [8, 8],
    tensors: {
      '.lora_up.weight': a,
      '.lora_down.weight': b,
      '.alpha': scalar(1),
      '.dora_scale': { ...lengths, shape: [1, 8] },
    },
    expected: dora('inputs'),
  },
  'a difference': {
    module: UNET,
    shape: [8, 8],
    tensors: { '.diff': wide(61, 8, 8) },
    expected: added(dense(wide(61, 8, 8), 8, 8), 1),
  },
  'a norm': {
    module: NORM,
    shape: [8, 1],
    tensors: { '.w_norm': wide(62, 8), '.b_norm': wide(63, 8) },
    expected: added(dense(wide(62, 8), 8, 1), 1),
  },
  'a new weight': {
    module: UNET,
    shape: [8, 8],
    tensors: { '.set_weight': wide(64, 8, 8) },
    expected: (weight) =>
      map(weight, (value, i, j) => value + W * (dense(wide(64, 8, 8), 8, 8)[i]![j]! - value)),
  },
};

function dora(axis: 'rows' | 'inputs'): Kind['expected'] {
  return (weight) => {
    const merged = map(weight, (value, i, j) => value + 0.5 * low[i]![j]!);
    const norm = (vector: readonly number[]) => Math.sqrt(vector.reduce((sum, value) => sum + value ** 2, 0));
    const norms = (axis === 'rows' ? merged : turned(merged)).map(norm);
    const at = (i: number, j: number) => (axis === 'rows' ? i : j);
    return map(
      weight,
      (value, i, j) => value + W * ((merged[i]![j]! * lengths.data[at(i, j)]!) / norms[at(i, j)]! - value),
    );
  };
}

/** Sums in float64, rounded once. */
async function multiply(left: Matrix, right: Matrix): Promise<Matrix> {
  const product = times(
    dense({ shape: [], data: left.data }, left.rows, left.columns),
    dense({ shape: [], data: right.data }, right.rows, right.columns),
  );
  return { data: Float32Array.from(product.flat()), rows: left.rows, columns: right.columns };
}

async function folded(t: TestContext, spec: Spec, file: string, folder: string) {
  const plan = planLora(await openLora(file), spec);
  const reader = new ValueReader();
  t.after(() => reader.close());
  const arithmetic = { multiply, read: reader.read.bind(reader) };
  const changes = plan.changes.map((change) => ({ ...change, weight: W, lora: 'x' }));
  const component = componentsOf(spec).get('denoiser')!;
  const fold = planFold(component, changes, 'F32');
  const path = join(folder, 'folded');
  const written = await open(path, 'wx');
  await writeFold(fold, written, arithmetic).finally(() => written.close());
  const made = withFold(component, fold, path);
  const weightOf = async (of: typeof component, name: string) => await reader.read(of.tensors.get(name)!);
  return { component, made, weightOf, plan };
}

function assertClose(actual: Float32Array, expected: Dense): void {
  for (const [i, value] of expected.flat().entries()) {
    assert.ok(
      Math.abs(actual[i]! - value) < 1e-5 * (1 + Math.abs(value)),
      `${i}: ${actual[i]} is not ${value}`,
    );
  }
}

for (const [name, { module, shape, tensors, expected }] of Object.entries(KINDS)) {
  test(`a kind: ${name}`, async (t) => {
    const folder = await temporaryFolder(t);
    const named = Object.fromEntries(
      Object.entries(tensors).map(([end, values]) => [`lora_unet_${flat(module)}${end}`, values]),
    );
    const { component, made, weightOf, plan } = await folded(
      t,
      sd15,
      await writeLora(folder, 'x', named),
      folder,
    );
    const before = dense({ shape: [], data: await weightOf(component, `${module}.weight`) }, ...shape);
    assertClose(await weightOf(made, `${module}.weight`), expected(before));
    if ('.b_norm' in tensors) {
      const bias = dense({ shape: [], data: await weightOf(component, `${module}.bias`) }, 8, 1);
      assertClose(await weightOf(made, `${module}.bias`), added(dense(tensors['.b_norm']!, 8, 1), 1)(bias));
    }
    assert.equal(plan.used, plan.total);
  });
}

test('kohya-ss in SGM order and PEFT: the same tensors under other names change the same', async (t) => {
  const folder = await temporaryFolder(t);
  const original = planLora(await openLora(join(LORAS, 'sd15-dora.safetensors')), sd15);
  const spelt = await respell(join(LORAS, 'sd15-dora.safetensors'), (name) => {
    const [, module, end] = /^unet\.(.+)\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector)$/.exec(name)!;
    const ends = {
      'lora_A.weight': 'lora_down.weight',
      'lora_B.weight': 'lora_up.weight',
      lora_magnitude_vector: 'dora_scale',
    };
    return `lora_unet_${flat(module!)}.${ends[end as keyof typeof ends]}`;
  });
  assert.deepEqual(
    outline(planLora(await openLora(await writeLora(folder, 'x', spelt)), sd15)),
    outline(original),
  );
});

test("PEFT's alpha stands in the header, or in adapter_config.json beside the file", async (t) => {
  const folder = await temporaryFolder(t);
  const tensors = { [`unet.${UNET}.lora_A.weight`]: b, [`unet.${UNET}.lora_B.weight`]: a };
  const alphas = async (file: string) =>
    planLora(await openLora(file), sd15).changes.map(({ alpha }) => alpha);
  const settings = { 'unet.r': 2, 'unet.lora_alpha': 4, 'unet.alpha_pattern': { 'attn2.to_q': 1 } };
  assert.deepEqual(
    await alphas(await writeLora(folder, 'x', tensors, { lora_adapter_metadata: JSON.stringify(settings) })),
    [4],
  );
  await write(
    join(folder, 'adapter_config.json'),
    JSON.stringify({ r: 2, lora_alpha: 8, alpha_pattern: { 'attn1.to_q': 6 } }),
  );
  assert.deepEqual(await alphas(await writeLora(folder, 'y', tensors)), [6]);
});

// ---- what cannot be used

const refused = async (
  t: { readonly after: (fn: () => Promise<void>) => void },
  tensors: Readonly<Record<string, Values>>,
  pattern: RegExp,
  metadata?: Readonly<Record<string, string>>,
  spec = sd15,
) => {
  const file = await writeLora(await temporaryFolder(t as never), 'x', tensors, metadata);
  await assert.rejects(
    async () => planLora(await openLora(file), spec),
    (error) => (error instanceof DarkroomError && pattern.test(error.message)) || assert.fail(String(error)),
  );
};
const pair = (module: string, inputs: number, outputs: number, rank = 2) => ({
  [`${module}.lora_down.weight`]: random(1, rank, inputs),
  [`${module}.lora_up.weight`]: random(2, outputs, rank),
});
const unet = `lora_unet_${flat(UNET)}`;
const cross = `lora_unet_${flat(UNET.replace('attn1.to_q', 'attn2.to_k'))}`;

test('a LoRA of another family is refused by name', async (t) => {
  await refused(t, pair(cross, 2048, 8), /x is a LoRA for Stable Diffusion XL and does not fit tiny-sd15/);
  await refused(t, pair(cross, 1024, 8), /Stable Diffusion 2/);
  await refused(t, pair('lora_unet_double_blocks_0_img_attn_qkv', 3072, 9216), /FLUX.*none of its 2 tensors/);
  await refused(t, pair('transformer.transformer_blocks.0.attn.add_q_proj', 16, 16), /Stable Diffusion 3/);
  await refused(t, pair('diffusion_model.layers.0.attention.to_q', 16, 16), /Z-Image/);
  await refused(t, pair('lora_unet_x_y_z', 16, 16), /Wan/, { 'modelspec.architecture': 'wan-2.1' });
  await refused(t, pair('something.else', 16, 16), /no LoRA that fits tiny-sd15/);
});

test('files that contradict themselves are refused, naming the tensor', async (t) => {
  await refused(t, pair(unet, 8, 8, 0), /has no numbers: its shape is 0 x 8/);
  await refused(
    t,
    { [`${unet}.lora_down.weight`]: random(1, 2, 8), [`${unet}.lora_up.weight`]: random(1, 8, 3) },
    /do not fit together/,
  );
  await refused(t, { [`${unet}.lora_down.weight`]: random(1, 2, 8) }, /without its other half/);
  await refused(t, { [`${unet}.alpha`]: scalar(1) }, /stands without the tensors/);
  await refused(
    t,
    { [`${unet}.lora_down.weight`]: random(1, 16), [`${unet}.lora_up.weight`]: random(1, 8, 2) },
    /are no matrices/,
  );
  await refused(t, { ...pair(unet, 8, 8), [`${unet}.lora.down.weight`]: random(1, 2, 8) }, /say the same/);
  await refused(t, { [`${unet}.hada_w1_a`]: a, [`${unet}.hada_w1_b`]: b }, /without its other parts/);
  await refused(t, pair(unet, 8, 16), /changes a layer of 16 x 8, which is 8 x 8 there/);
});

test('kinds that are not carried out are refused by name', async (t) => {
  const kinds: [kind: string, tensors: Record<string, Values>][] = [
    ['GLoRA', { [`${unet}.a1.weight`]: a, [`${unet}.a2.weight`]: b }],
    ['OFT', { [`${unet}.oft_blocks`]: random(1, 2, 4, 4) }],
    ['OFT', { [`base_model.model.${UNET}.oft_R.default.weight`]: random(1, 2, 6) }],
    ['BOFT', { [`base_model.model.${UNET}.boft_R`]: random(1, 2, 2, 4, 4) }],
    ['IA3', { [`${unet}.weight`]: random(1, 8, 1), [`${unet}.on_input`]: scalar(1) }],
    ['IA3', { [`base_model.model.${UNET}.ia3_l`]: random(1, 8, 1) }],
    ['VeRA', { [`base_model.model.${UNET}.vera_lambda_b`]: random(1, 8) }],
    [
      'a LoRA that reshapes layers',
      {
        [`${unet}.lora_down.weight`]: a,
        [`${unet}.lora_up.weight`]: b,
        [`${unet}.reshape_weight`]: scalar(8),
      },
    ],
  ];
  for (const [kind, tensors] of kinds) {
    await refused(t, tensors, new RegExp(`x is ${kind}, which`));
    // In lists, too.
    const { kind: listed, refusal } = await recognise(
      await writeLora(await temporaryFolder(t), 'x', tensors),
    );
    assert.equal(listed, 'lora');
    assert.match(refusal ?? '', new RegExp(`is ${kind}, which`));
  }
});

test('differences of norms and of biases are used', async (t) => {
  const block = 'lora_unet_down_blocks_0_attentions_0';
  const file = await writeLora(await temporaryFolder(t), 'x', {
    [`${block}_norm.diff`]: random(1, 8),
    [`${block}_norm.diff_b`]: random(2, 8),
    [`${block}_transformer_blocks_0_norm1.w_norm`]: random(3, 8),
    [`${block}_transformer_blocks_0_norm1.b_norm`]: random(4, 8),
  });
  const plan = planLora(await openLora(file), sd15);
  assert.deepEqual([plan.used, plan.total, plan.changes.length], [4, 4, 2]);
});

test('every tensor is accounted for', async (t) => {
  const file = await writeLora(await temporaryFolder(t), 'x', {
    ...pair(unet, 8, 8),
    ...pair('lora_te3_encoder_block_0_layer_0_SelfAttention_q', 8, 8),
    [`lora_unet_${flat(UNET)}.diff_b`]: random(1, 8),
    '<b>markup</b>': random(1, 1),
  });
  await assert.rejects(async () => planLora(await openLora(file), sd15), /2 of its 6 tensors belong there/);
  const more = await writeLora(await temporaryFolder(t), 'x', {
    ...pair(unet, 8, 8),
    ...pair(cross, 16, 8),
    '<b>markup</b>': random(1, 1),
  });
  const plan = planLora(await openLora(more), sd15);
  assert.equal(
    inEnglish(describeUnused(plan, 'x')),
    'x: used 4 of 5 tensors; this model has no place for <b>markup</b>.',
  );
});

test('NaN and infinite numbers are found when they are read', async (t) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const folder = await temporaryFolder(t);
    const tensors = pair(unet, 8, 8);
    tensors[`${unet}.lora_up.weight`]!.data[3] = value;
    await assert.rejects(
      folded(t, sd15, await writeLora(folder, 'x', tensors), folder),
      /x holds numbers that are no numbers/,
    );
  }
});

test('layers whose alpha is 0 are told', async (t) => {
  const folder = await temporaryFolder(t);
  const told = async (...alphas: number[]) => {
    const modules = [unet, cross].slice(0, alphas.length);
    const tensors = modules.map((module, i) => ({
      ...pair(module, module === unet ? 8 : 16, 8),
      [`${module}.alpha`]: scalar(alphas[i]!),
    }));
    const file = await openLora(
      await writeLora(folder, `x${alphas.join('')}`, Object.assign({}, ...tensors)),
    );
    return inEnglish(await describeIdle(planLora(file, sd15), 'x'));
  };
  assert.equal(await told(0), 'x has no effect: its alpha is 0 in all of its layers.');
  assert.equal(await told(1, 0), 'x: 1 of 2 layers have no effect, as their alpha is 0.');
  assert.equal(await told(4, 8), undefined);
});

test('a file cut off anywhere is refused in one sentence', async (t) => {
  const bytes = loraBytes({ ...pair(unet, 8, 8), ...pair(cross, 16, 8) }, { ss_tag_frequency: '{}' });
  const folder = await temporaryFolder(t);
  for (let i = 0; i < 20; i++) {
    const file = await write(
      join(folder, `cut-${i}.safetensors`),
      bytes.subarray(0, Math.floor((bytes.length * i) / 20)),
    );
    await assert.rejects(
      openLora(file),
      (error) => error instanceof DarkroomError && error.code === 'bad_model',
      `${i}`,
    );
  }
});

// ---- the catalogue

test('LoRAs are found in the folders of A1111 and ComfyUI, by name in any case', async (t) => {
  const folder = await temporaryFolder(t);
  const bytes = loraBytes(pair(unet, 8, 8));
  await mkdir(join(folder, 'Lora', 'styles'), { recursive: true });
  await writeFile(join(folder, 'Lora', 'styles', 'Pixel Art v2.safetensors'), bytes);
  await writeFile(join(folder, 'Lora', 'notes.txt'), '');
  await mkdir(join(folder, 'loras'));
  await writeFile(join(folder, 'loras', 'ink.safetensors'), bytes);
  await symlink(folder, join(folder, 'loras', 'round'));
  const inventory = new Inventory([folder]);
  assert.equal((await loraNamed('pixel art v2', inventory)).name, 'Pixel Art v2');
  assert.equal((await loraNamed('styles/Pixel Art v2.safetensors', inventory)).name, 'Pixel Art v2');
  // Folders in front tell two of one name apart.
  await writeFile(join(folder, 'loras', 'Pixel Art v2.safetensors'), bytes);
  const twins = new Inventory([folder]);
  for (const place of ['Lora/styles', 'loras'])
    assert.equal(
      (await loraNamed(`${place}/pixel art v2`, twins)).path,
      join(folder, place, 'Pixel Art v2.safetensors'),
    );
  await rm(join(folder, 'loras', 'Pixel Art v2.safetensors'));
  await assert.rejects(loraNamed('inc', inventory), /There is no LoRA inc. Did you mean ink\?/);
  await assert.rejects(loraNamed('../../etc/passwd', inventory), /There is no LoRA/);
  assert.deepEqual(
    inventory
      .entries('lora')
      .map(({ name }) => name)
      .sort(),
    ['Pixel Art v2', 'ink'],
  );
});

test('a flow model takes every tensor of its LoRAs in all programs’ names, and refuses those of another family', async () => {
  const models = new Map(
    await Promise.all(
      ['flux-dev', 'klein', 'z-image', 'sd3'].map(
        async (name) => [name, await openModelFolder(join(FIXTURES, `tiny-${name}`))] as const,
      ),
    ),
  );
  const files = [
    ...['flux-kohya', 'flux-aitoolkit', 'flux-diffusers', 'flux-xlabs'].map(
      (name) => [name, 'flux-dev', /for FLUX/] as const,
    ),
    ...['klein-kohya', 'klein-aitoolkit', 'klein-diffusers'].map(
      (name) => [name, 'klein', /for FLUX/] as const,
    ),
    ...['z-image-kohya', 'z-image-aitoolkit'].map((name) => [name, 'z-image', /for Z-Image/] as const),
  ];
  for (const [name, own, origin] of files) {
    const file = await openLora(join(LORAS, `${name}.safetensors`));
    for (const [model, spec] of models) {
      if (model === own) assert.deepEqual(planLora(file, spec).unused, [], name);
      else
        assert.throws(
          () => planLora(file, spec),
          { code: 'unsupported', message: origin },
          `${name} on ${model}`,
        );
    }
  }
});

test('a LoRA of a klein whose layers FLUX.1 has too, and the other way round, is told by what the file says of itself', async (t) => {
  const [flux, klein] = await Promise.all(
    ['flux-dev', 'klein'].map((name) => openModelFolder(join(FIXTURES, `tiny-${name}`))),
  );
  const folder = await temporaryFolder(t);
  const plan = async (spec: Spec, blocks: number, metadata: Record<string, string> = {}) => {
    const tensors = Array.from({ length: blocks }, (_, i) => [
      [`diffusion_model.double_blocks.${i}.img_attn.qkv.lora_A.weight`, random(1, 2, 32)],
      [`diffusion_model.double_blocks.${i}.img_attn.qkv.lora_B.weight`, random(2, 96, 2)],
    ]).flat();
    return planLora(
      await openLora(await writeLora(folder, 'one', Object.fromEntries(tensors), metadata)),
      spec,
    );
  };
  const kin = (origin: string) => ({
    code: 'unsupported',
    message: new RegExp(`is a LoRA for ${origin} and`),
  });
  for (const [key, value] of [
    ['modelspec.architecture', 'Flux.2-klein-4b/lora'],
    ['ss_base_model_version', 'flux2_klein_4b'],
  ] as const) {
    await assert.rejects(plan(flux!, 1, { [key]: value }), kin('FLUX\\.2'));
    assert.equal((await plan(klein!, 1, { [key]: value })).used, 2);
  }
  for (const [key, value] of [
    ['modelspec.architecture', 'flux-1-dev/lora'],
    ['ss_base_model_version', 'flux1'],
  ] as const) {
    await assert.rejects(plan(klein!, 1, { [key]: value }), kin('FLUX\\.1'));
    assert.equal((await plan(flux!, 1, { [key]: value })).used, 2);
  }
  // Without metadata the blocks are counted.
  await assert.rejects(plan(flux!, 5), kin('FLUX\\.2'));
  await assert.rejects(plan(klein!, 19), kin('FLUX\\.1'));
  assert.equal((await plan(flux!, 1)).used, 2);
});
