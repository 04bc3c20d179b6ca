/**
 * The UNet of a checkpoint in the layout of latent-diffusion (github.com/CompVis/latent-diffusion openaimodel.py): numbered
 * input, middle and output blocks. Names as diffusers' convert_ldm_unet_checkpoint gives them, the config from the shapes.
 */
import type { StoredTensor } from '../../graph/component.ts';
import { known, numbersBehind, sideOf, type Tensors, under } from './tensors.ts';
import { lacking } from './whole.ts';

interface LdmUnet {
  readonly tensors: Tensors;
  /** UNet2DConditionModel's, without sample_size. */
  readonly config: Readonly<Record<string, unknown>>;
}

const ENDS: Readonly<Record<string, string>> = {
  'time_embed.0': 'time_embedding.linear_1',
  'time_embed.2': 'time_embedding.linear_2',
  'time_embed.cond_proj': 'time_embedding.cond_proj',
  'label_emb.0.0': 'add_embedding.linear_1',
  'label_emb.0.2': 'add_embedding.linear_2',
  'input_blocks.0.0': 'conv_in',
  'out.0': 'conv_norm_out',
  'out.2': 'conv_out',
};

const RESNET: Readonly<Record<string, string>> = {
  'in_layers.0': 'norm1',
  'in_layers.2': 'conv1',
  'emb_layers.1': 'time_emb_proj',
  'out_layers.0': 'norm2',
  'out_layers.3': 'conv2',
  skip_connection: 'conv_shortcut',
};

interface Block {
  /** Channels of its first residual layer. */
  channels: number;
  /** Transformer layers behind each residual layer. */
  readonly depths: number[];
}

/** What the weights do not tell. */
export interface UnetTraits {
  /** Heads of the attention over this many channels. */
  heads(channels: number): number;
  /** Width of the pooled text that joins the time embedding, where there is one. */
  readonly pooledDim?: number | undefined;
}

/** Of a residual layer; a shortcut only some have. */
const LAYERS = Object.keys(RESNET).filter((layer) => layer !== 'skip_connection');
const RESIDUAL = /^((?:input|output)_blocks\.\d+\.0|middle_block\.\d+)\.in_layers\.0\.weight$/;

/**
 * What a UNet lacks. Pruned ones have gaps between their numbers. Those without a middle (BK-SDM Small and Tiny, KOALA 700M)
 * have one residual layer in each block on the way down, where whole ones have two.
 */
export function lackingUnet(tensors: Tensors): string[] {
  const residual = [...tensors.keys()].flatMap((name) => RESIDUAL.exec(name)?.[1] ?? []);
  const missing = lacking(tensors, {
    names: [
      ...['time_embed.0.', 'time_embed.2.', 'input_blocks.0.0.', 'input_blocks.1.', 'output_blocks.0.'],
      ...['out.0.', 'out.2.'],
      ...residual.flatMap((block) => LAYERS.map((layer) => `${block}.${layer}.`)),
    ],
  });
  if (![...tensors.keys()].some((name) => name.startsWith('middle_block.'))) {
    const down = readBlocks(tensors, 'input_blocks', new Map());
    if (down.some(({ depths }) => depths.length > 1)) missing.push('middle_block');
  }
  missing.push(...lackingAttention(tensors));
  // Each layer on the way down is joined by one on the way up.
  const down = numbersBehind(tensors.keys(), 'input_blocks.').length;
  const up = residual.filter((block) => block.startsWith('output_blocks')).length;
  if (missing.length > 0 || down === up) return missing;
  return [
    down < up
      ? `input_blocks (${down} for ${up} output_blocks)`
      : `output_blocks (${up} for ${down} input_blocks)`,
  ];
}

/**
 * Blocks between two changes of the picture's size attend all or none of them. A middle of two residual layers attends
 * between them; only a pruned one (SSD-1B) is a single residual layer.
 */
export function lackingAttention(tensors: Tensors): string[] {
  const has = (part: string, layer: string) => tensors.has(`${part}.${layer}`);
  const isResidual = (part: string) => has(part, 'in_layers.0.weight');
  const isSampler = (part: string) => has(part, 'op.weight') || has(part, 'conv.weight');
  const missing: string[] = [];
  for (const side of ['input_blocks', 'output_blocks'] as const) {
    let level: { readonly block: string; readonly attends: boolean }[] = [];
    const endLevel = () => {
      if (level.some(({ attends }) => attends))
        missing.push(...level.flatMap(({ block, attends }) => (attends ? [] : [`${block}.1`])));
      level = [];
    };
    for (const i of numbersBehind(tensors.keys(), `${side}.`)) {
      const block = `${side}.${i}`;
      const parts = numbersBehind(tensors.keys(), `${block}.`).map((j) => `${block}.${j}`);
      if (parts.some(isResidual))
        level.push({ block, attends: parts.some((part) => !isResidual(part) && !isSampler(part)) });
      if (parts.some(isSampler)) endLevel();
    }
    endLevel();
  }
  const middle = numbersBehind(tensors.keys(), 'middle_block.');
  const residual = middle.filter((j) => isResidual(`middle_block.${j}`));
  if (middle.length > residual.length && residual.length < 2)
    missing.push(...[0, 2].filter((j) => !residual.includes(j)).map((j) => `middle_block.${j}`));
  if (residual.length > 1 && middle.length === residual.length) missing.push('middle_block.1');
  return missing;
}

/** @param tensors without the prefix model.diffusion_model. */
export function readLdmUnet(tensors: Tensors, { heads, pooledDim }: UnetTraits): LdmUnet {
  const found = new Map<string, StoredTensor>();
  for (const [name, stored] of tensors) {
    const [stem, last] = cutLast(name);
    const end = Object.hasOwn(ENDS, stem) ? ENDS[stem] : undefined;
    if (end !== undefined) found.set(`${end}.${last}`, stored);
    else if (!/^(input_blocks|middle_block|output_blocks)\./.test(name)) found.set(name, stored);
  }
  const down = readBlocks(tensors, 'input_blocks', found);
  const up = readBlocks(tensors, 'output_blocks', found);
  const middle = readMiddle(tensors, found);
  const channels = down.map((block) => block.channels);
  const time = sideOf(found, 'time_embedding.linear_1.weight', 0);
  const projection = [...found].find(([name]) => name.endsWith('.proj_in.weight'))?.[1];
  const context = [...found].find(([name]) => name.endsWith('.attn2.to_k.weight'))?.[1];
  const added = sideOf(found, 'add_embedding.linear_1.weight', 1);
  return {
    tensors: found,
    config: known({
      in_channels: sideOf(found, 'conv_in.weight', 1),
      out_channels: sideOf(found, 'conv_out.weight', 0),
      block_out_channels: channels,
      layers_per_block: down.map(({ depths }) => depths.length),
      down_block_types: down.map((block) => (attends(block) ? 'CrossAttnDownBlock2D' : 'DownBlock2D')),
      up_block_types: up.map((block) => (attends(block) ? 'CrossAttnUpBlock2D' : 'UpBlock2D')),
      mid_block_type:
        middle === undefined ? null : middle === 0 ? 'UNetMidBlock2D' : 'UNetMidBlock2DCrossAttn',
      ...transformerLayers(down, up, middle ?? 0),
      attention_head_dim: channels.map(heads),
      cross_attention_dim: context?.shape[1],
      use_linear_projection: projection?.shape.length === 2,
      time_embedding_dim: time === 4 * (channels[0] ?? 0) ? undefined : time,
      time_cond_proj_dim: sideOf(found, 'time_embedding.cond_proj.weight', 1),
      ...(added !== undefined && {
        addition_embed_type: 'text_time',
        projection_class_embeddings_input_dim: added,
        addition_time_embed_dim: pooledDim === undefined ? 256 : Math.floor((added - pooledDim) / 6),
      }),
    }),
  };
}

/** A block ends where the picture's size changes. */
function readBlocks(
  tensors: Tensors,
  side: 'input_blocks' | 'output_blocks',
  found: Map<string, StoredTensor>,
): Block[] {
  const [prefix, sampler] =
    side === 'input_blocks' ? ['down_blocks', 'downsamplers'] : ['up_blocks', 'upsamplers'];
  const blocks: Block[] = [];
  let block: Block | undefined;
  for (const i of numbersBehind(tensors.keys(), `${side}.`)) {
    let ends = false;
    if (block === undefined) {
      block = { channels: 0, depths: [] };
      blocks.push(block);
    }
    for (const j of numbersBehind(tensors.keys(), `${side}.${i}.`)) {
      const part = under(tensors, `${side}.${i}.${j}.`);
      if (i === 0 && side === 'input_blocks') continue;
      const name = `${prefix}.${blocks.length - 1}`;
      if (part.has('op.weight') || part.has('conv.weight')) {
        const kind = part.has('op.weight') ? 'op.' : 'conv.';
        for (const [rest, stored] of under(part, kind))
          found.set(`${name}.${sampler}.0.conv.${rest}`, stored);
        ends = true;
      } else if (part.has('in_layers.0.weight')) {
        block.channels ||= part.get('out_layers.3.weight')?.shape[0] ?? 0;
        block.depths.push(0);
        addResnet(part, `${name}.resnets.${block.depths.length - 1}`, found);
      } else {
        const layer = Math.max(0, block.depths.length - 1);
        block.depths[layer] = depthOf(part);
        for (const [rest, stored] of part) found.set(`${name}.attentions.${layer}.${rest}`, stored);
      }
    }
    if (ends) block = undefined;
  }
  return blocks;
}

/** @returns its transformer layers; 0 for one residual layer without attention, undefined where there is no middle */
function readMiddle(tensors: Tensors, found: Map<string, StoredTensor>): number | undefined {
  let [resnets, depth] = [0, 0];
  for (const i of numbersBehind(tensors.keys(), 'middle_block.')) {
    const part = under(tensors, `middle_block.${i}.`);
    if (part.has('in_layers.0.weight')) addResnet(part, `mid_block.resnets.${resnets++}`, found);
    else {
      depth = depthOf(part);
      for (const [rest, stored] of part) found.set(`mid_block.attentions.0.${rest}`, stored);
    }
  }
  return resnets === 0 ? undefined : depth;
}

function addResnet(part: Tensors, name: string, found: Map<string, StoredTensor>): void {
  for (const [rest, stored] of part) {
    const [stem, last] = cutLast(rest);
    const layer = Object.hasOwn(RESNET, stem) ? RESNET[stem]! : stem;
    found.set(`${name}.${layer}.${last}`, stored);
  }
}

const attends = ({ depths }: Block): boolean => depths.some((depth) => depth > 0);

const depthOf = (part: Tensors): number => numbersBehind(part.keys(), 'transformer_blocks.').length;

/** One number a block where that says all; lists where layers of a block differ (SSD-1B). */
export function transformerLayers(
  down: readonly Block[],
  up: readonly Block[],
  middle: number,
): Record<string, unknown> {
  const isPlain = ({ depths }: Block): boolean => new Set(depths).size <= 1;
  // The middle takes the last block's number, whether or not that block attends.
  const plain = (block: Block, isLast: boolean): number =>
    attends(block) ? block.depths[0]! : isLast ? Math.max(1, middle) : 1;
  const downLayers = down.map((block, i) =>
    isPlain(block) ? plain(block, i === down.length - 1) : block.depths,
  );
  const mirrors = up.every((block, i) => {
    const twin = down.at(-1 - i);
    return !attends(block) || (isPlain(block) && twin !== undefined && block.depths[0] === twin.depths[0]);
  });
  return {
    transformer_layers_per_block: downLayers,
    ...(!(mirrors && down.every(isPlain)) && {
      reverse_transformer_layers_per_block: up.map((block) =>
        isPlain(block) ? plain(block, false) : block.depths,
      ),
    }),
  };
}

function cutLast(name: string): [stem: string, last: string] {
  const at = name.lastIndexOf('.');
  return [name.slice(0, at), name.slice(at + 1)];
}
