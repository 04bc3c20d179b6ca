/**
 * The names of tensors in a LoRA's file: a module of the model, and what the tensor is to it. The endings are those of
 * kohya-ss/sd-scripts, diffusers (old and new), PEFT, LyCORIS, ai-toolkit, ComfyUI (comfy/weight_adapter) and XLabs, who number
 * the LoRAs of a block's two streams (x-flux, src/flux/modules/layers.py).
 */
import { type Sentence, sentence } from '../../sentences.ts';

/** What a tensor is to its module. */
export type Role =
  | 'down'
  | 'up'
  | 'mid'
  | 'alpha'
  | 'doraScale'
  | 'magnitude'
  | 'difference'
  | 'biasDifference'
  | 'replacement'
  | `hada_${'w1_a' | 'w1_b' | 'w2_a' | 'w2_b' | 't1' | 't2'}`
  | `lokr_${'w1' | 'w1_a' | 'w1_b' | 'w2' | 'w2_a' | 'w2_b' | 't2'}`;

interface Key {
  /** As the file spells it, without the ending. */
  readonly module: string;
  readonly role: Role;
}

const ENDINGS: readonly (readonly [RegExp, Role])[] = [
  [
    /(?:\.lora_down|[._]lora(?:_linear_layer)?\.down|(?<=_lora[12])\.down|\.lora_A(?:\.[^.]+)?)\.weight$|\.lora_A$/,
    'down',
  ],
  [
    /(?:\.lora_up|[._]lora(?:_linear_layer)?\.up|(?<=_lora[12])\.up|\.lora_B(?:\.[^.]+)?)\.weight$|\.lora_B$/,
    'up',
  ],
  [/\.lora_mid\.weight$/, 'mid'],
  [/\.alpha$/, 'alpha'],
  [/\.dora_scale$/, 'doraScale'],
  [/\.(?:lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?|magnitude)$/, 'magnitude'],
  [/\.(?:diff|w_norm)$/, 'difference'],
  [/\.(?:diff_b|b_norm)$/, 'biasDifference'],
  [/\.set_weight$/, 'replacement'],
];
const LYCORIS = /\.(hada_(?:w[12]_[ab]|t[12])|lokr_(?:w[12](?:_[ab])?|t2))(?:\.weight)?$/;

/** Kinds of adapters that are recognised but not supported, by the endings of their tensors' names. */
const OTHER_KINDS: readonly (readonly [RegExp, string])[] = [
  [/^(?:lora|lycoris)_.*\.(?:a1|a2|b1|b2)\.weight$/, 'GLoRA'],
  [/\.(?:oft_blocks|oft_diag|oft_[RrSs](?:\..+)?)$/, 'OFT'],
  [/\.boft_[a-z]+$/i, 'BOFT'],
  [/\.(?:on_input|ia3_l(?:\.[^.]+)?)$/, 'IA3'],
  [/\.reshape_weight$/, 'a LoRA that reshapes layers'],
  [/\.vera_lambda_[bd]/, 'VeRA'],
];

/** @returns undefined where the ending is none of a LoRA's */
export function readKey(name: string): Key | undefined {
  const lycoris = LYCORIS.exec(name);
  if (lycoris !== null) return { module: moduleOf(name, lycoris[0]), role: lycoris[1] as Role };
  for (const [ending, role] of ENDINGS) {
    const found = ending.exec(name);
    if (found !== null) return { module: moduleOf(name, found[0]), role };
  }
  return undefined;
}

/** The unsupported kind of adapter that a tensor's name belongs to; undefined for any other tensor. */
export const otherKind = (name: string): string | undefined =>
  OTHER_KINDS.find(([ending]) => ending.test(name))?.[1];

/** @param name of the file */
export const refuseKind = (name: string, kind: string): Sentence =>
  sentence('lora.other_kind', { name, kind });

/** PEFT can keep several adapters in one model, each with its name in the names of its tensors. */
const ADAPTER = /\.(?:lora_[AB]|lora_magnitude_vector)\.(?!weight$)([^.]+)(?:\.weight)?$/;
const SHOWN = 3;
const SHOWN_CHARACTERS = 80;

/**
 * @param name of the file
 * @returns a sentence about a file of several adapters; undefined for one
 */
export function refuseAdapters(name: string, tensors: Iterable<string>): Sentence | undefined {
  const adapters = new Set<string>();
  for (const tensor of tensors) {
    const adapter = ADAPTER.exec(tensor)?.[1];
    if (adapter !== undefined) adapters.add(adapter.slice(0, SHOWN_CHARACTERS));
  }
  if (adapters.size < 2) return undefined;
  const shown = [...adapters].slice(0, SHOWN);
  return sentence('lora.adapters', { name, count: adapters.size, adapters: shown });
}

/** diffusers' first files named the attention processor beside its layer: `attn1.processor.to_q_lora.up.weight`. */
const moduleOf = (name: string, ending: string): string =>
  name.slice(0, name.length - ending.length).replace('.processor.', '.');
