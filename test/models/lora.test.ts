/**
 * LoRA files in all spellings and kinds, without an engine: what they change is compared with a dense fold in float64,
 * and what cannot be used is refused by name.
 */
import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planFold, withFold, writeFold } from '../../src/engine/lora/fold.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { type Matrix, scaleOf } from '../../src/models/lora/delta.ts';
import { openLora } from '../../src/models/lora/file.ts';
import { componentsOf, type LoraPlan, planLora } from '../../src/models/lora/plan.ts';
import { ValueReader } from '../../src/models/lora/values.ts';
import { FIXTURES, temporaryFolder, write } from './forge.ts';
import { loraBytes, pair, random, respell, scalar, type Values, writeLora } from './lora-files.ts';

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
  "underscores before the layer's own dots": [
    `lora_unet.${UNET}`,
    `lora_te_${TEXT}`,
    '.lora_down.weight',
    '.lora_up.weight',
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

test('an alpha that is stored as a whole number counts', async (t) => {
  const folder = await temporaryFolder(t);
  const module = `lora_unet_${flat(UNET)}`;
  for (const [dtype, data] of [
    ['I32', Int32Array.of(3)],
    ['I64', BigInt64Array.of(3n)],
  ] as const) {
    const bytes = loraBytes({ ...pair(module, 8, 8), [`${module}.alpha`]: { shape: [], data, dtype } });
    const file = await write(join(folder, `${dtype}.safetensors`), bytes);
    const [change] = planLora(await openLora(file), sd15).changes;
    const reader = new ValueReader();
    assert.equal(await scaleOf(change!.adapter, { read: reader.read.bind(reader) }), 3 / 2);
    await reader.close();
  }
});

test('NaN and infinite numbers are found when they are read, and the layer is named', async (t) => {
  const module = `lora_unet_${flat(UNET)}`;
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const folder = await temporaryFolder(t);
    const tensors = pair(module, 8, 8);
    tensors[`${module}.lora_up.weight`]!.data[3] = value;
    await assert.rejects(
      folded(t, sd15, await writeLora(folder, 'x', tensors), folder),
      new RegExp(`x contains NaN or infinite values in the layer ${UNET}:`),
    );
  }
});
