/**
 * A ControlNet in a file of its own, as A1111's and ComfyUI's folders hold them: in diffusers' names, or in those of its
 * authors (github.com/lllyasviel/ControlNet cldm.py), with the prefix control_model. or without. Names as diffusers'
 * convert_controlnet_checkpoint gives them; marks of other networks as ComfyUI's comfy/controlnet.py tells them apart.
 */
import type { StoredTensor } from '../../graph/component.ts';
import { lackingAttention, readLdmUnet, transformerLayers } from './ldm-unet.ts';
import { known, numbersBehind, sideOf, type Tensors, under } from './tensors.ts';
import { lacking } from './whole.ts';

interface ControlnetPart {
  readonly tensors: Tensors;
  /** ControlNetModel's, without what it shares with the UNet that it was copied from and what shapes do not tell. */
  readonly config: Readonly<Record<string, unknown>>;
}

const ORIGINAL_HINT = 'input_hint_block.0.weight';
const HINT = 'controlnet_cond_embedding.conv_in.weight';

/** Networks that steer a denoiser in other ways, by a tensor that only they have. The first match counts. */
const OTHERS: readonly (readonly [key: RegExp, what: string])[] = [
  [/^lora_controlnet$/, 'a Control-LoRA, which holds only its difference to a model'],
  [/^lllite_/, 'a ControlNet-LLLite'],
  [
    /^(task_embedding|control_add_embedding\.)/,
    'a ControlNet-Union, which reads many kinds of control images',
  ],
  [/^difference$/, 'the difference between a ControlNet and its model'],
  [/^(adapter\.)?body\.0\.(resnets\.0\.block1|block1|in_conv)\.weight$/, 'a T2I-Adapter'],
  [
    /^(controlnet_x_embedder\.|controlnet_blocks\.0\.|control_all_x_embedder\.|control_layers\.)/,
    'a ControlNet of another family of models',
  ],
  [/^(controlnet_)?(down|up)_blocks_out\./, 'a ControlNet-XS'],
];

/** Any of them: a file has thousands of names. */
const ANY_OTHER = new RegExp(OTHERS.map(([key]) => key.source).join('|'));

/** Layers that only a ControlNet has, in its authors' names and in diffusers'; a file may hold only one of them. */
const ORIGINAL = [ORIGINAL_HINT, 'zero_convs.0.0.weight'];
const CURRENT = [HINT, 'controlnet_down_blocks.0.weight'];

/** The tensors of the ControlNet in a file, without their prefix; undefined where there is none. */
export const findControlnet = (tensors: Tensors): Tensors | undefined =>
  ['', 'control_model.']
    .filter((prefix) => [...ORIGINAL, ...CURRENT].some((name) => tensors.has(prefix + name)))
    .map((prefix) => under(tensors, prefix))[0];

/** What a ControlNet lacks, in the names of its own layout. @param own what findControlnet found */
export function lackingControlnet(own: Tensors): string[] {
  const time = ['time_embed.0.', 'time_embed.2.'];
  const names = isOriginal(own)
    ? [ORIGINAL_HINT, ...time, 'input_blocks.0.0.', 'input_blocks.1.', 'middle_block.0.', 'middle_block_out.']
    : [HINT, 'controlnet_cond_embedding.conv_out.', 'time_embedding.', 'conv_in.', 'mid_block.'];
  return isOriginal(own)
    ? [...lacking(own, { names, blocks: ['zero_convs.'] }), ...lackingAttention(own)]
    : lacking(own, {
        names: [...names, 'controlnet_mid_block.', ...middleOf(own)],
        blocks: ['down_blocks.', 'controlnet_down_blocks.'],
      });
}

/** Two residual layers with attention between them; only a small ControlNet has a single residual layer there. */
function middleOf(own: Tensors): string[] {
  const whole = ['mid_block.resnets.0.', 'mid_block.attentions.0.', 'mid_block.resnets.1.'];
  const isSmall = ![...own.keys()].some((name) => whole.slice(1).some((layer) => name.startsWith(layer)));
  return isSmall ? [] : whole;
}

const isOriginal = (own: Tensors): boolean => ORIGINAL.some((name) => own.has(name));

/** What kind of control network a file holds that is not run, as a sentence names it. */
export function otherControl(tensors: Tensors): string | undefined {
  for (const name of tensors.keys()) {
    if (ANY_OTHER.test(name)) return OTHERS.find(([key]) => key.test(name))?.[1];
  }
  return undefined;
}

/** @param own what findControlnet found */
export function readControlnetPart(own: Tensors): ControlnetPart {
  const tensors = isOriginal(own) ? fromOriginal(own) : own;
  const blocks = numbersBehind(tensors.keys(), 'down_blocks.').map((i) => {
    const name = `down_blocks.${i}`;
    const layers = numbersBehind(tensors.keys(), `${name}.resnets.`);
    return {
      channels: sideOf(tensors, `${name}.resnets.0.conv1.weight`, 0) ?? 0,
      depths: layers.map((layer) => depthOf(tensors, `${name}.attentions.${layer}`)),
    };
  });
  const middle = depthOf(tensors, 'mid_block.attentions.0');
  const find = (end: string) => [...tensors].find(([name]) => name.endsWith(end))?.[1];
  const added = sideOf(tensors, 'add_embedding.linear_1.weight', 1);
  const { transformer_layers_per_block } = transformerLayers(blocks, [], middle);
  return {
    tensors,
    config: known({
      in_channels: sideOf(tensors, 'conv_in.weight', 1),
      block_out_channels: blocks.map(({ channels }) => channels),
      layers_per_block: blocks.map(({ depths }) => depths.length),
      down_block_types: blocks.map(({ depths }) =>
        depths.some((depth) => depth > 0) ? 'CrossAttnDownBlock2D' : 'DownBlock2D',
      ),
      mid_block_type: middle === 0 ? 'UNetMidBlock2D' : 'UNetMidBlock2DCrossAttn',
      transformer_layers_per_block,
      cross_attention_dim: find('.attn2.to_k.weight')?.shape[1],
      use_linear_projection: find('.proj_in.weight')?.shape.length === 2,
      conditioning_channels: sideOf(tensors, HINT, 1),
      conditioning_embedding_out_channels: widthsOfHint(tensors),
      ...(added !== undefined && {
        addition_embed_type: 'text_time',
        addition_time_embed_dim: 256,
        projection_class_embeddings_input_dim: added,
      }),
    }),
  };
}

const depthOf = (tensors: Tensors, name: string): number =>
  numbersBehind(tensors.keys(), `${name}.transformer_blocks.`).length;

/** Two convolutions a width: one that keeps it, and one that leads to the next. */
function widthsOfHint(tensors: Tensors): number[] {
  const blocks = numbersBehind(tensors.keys(), 'controlnet_cond_embedding.blocks.');
  const names = [
    HINT,
    ...blocks.filter((i) => i % 2 === 1).map((i) => `controlnet_cond_embedding.blocks.${i}.weight`),
  ];
  return names.map((name) => sideOf(tensors, name, 0) ?? 0);
}

function fromOriginal(own: Tensors): Tensors {
  const { tensors } = readLdmUnet(own, { heads: () => 1 });
  const hints = numbersBehind(own.keys(), 'input_hint_block.');
  const found = new Map<string, StoredTensor>();
  for (const [name, stored] of tensors) {
    found.set(
      name
        .replace(/^input_hint_block\.(\d+)\./, (_, number: string) => {
          const at = hints.indexOf(Number(number));
          const part = at === 0 ? 'conv_in' : at === hints.length - 1 ? 'conv_out' : `blocks.${at - 1}`;
          return `controlnet_cond_embedding.${part}.`;
        })
        .replace(/^zero_convs\.(\d+)\.0\./, 'controlnet_down_blocks.$1.')
        .replace(/^middle_block_out\.0\./, 'controlnet_mid_block.'),
      stored,
    );
  }
  return found;
}
