/** The modules of a model under every name that LoRA files have for them. */
import type { Component } from '../../graph/component.ts';
import type { Denoiser, OriginalName } from '../families/family.ts';
import type { TextEncoderName, TextEncoderPart } from '../families/text-encoders.ts';

/** A part of a model that a LoRA can change. */
export type AdaptedPart = TextEncoderName | 'denoiser';

/** Where a module of a LoRA acts. */
export interface Place {
  readonly part: AdaptedPart;
  /** Of the component's tensors, without `.weight` or `.bias`. */
  readonly module: string;
  /** The module is this one of so many equal parts of the rows that the file's tensors make. */
  readonly rows?: { readonly index: number; readonly of: number; readonly count?: number };
  /** The two halves of the file's rows come in the other order. */
  readonly halvesSwapped?: boolean;
}

type Places = ReadonlyMap<string, readonly Place[]>;

const DENOISER = {
  dotted: ['', 'unet.', 'transformer.', 'diffusion_model.', 'model.diffusion_model.'],
  flat: ['lora_unet_', 'lora_transformer_', 'lycoris_', 'lycoris_unet_'],
};

/** Of a CLIP, in the order of the text encoders. */
const CLIPS = [
  {
    dotted: ['text_encoder.', 'text_encoders.clip_l.transformer.', 'clip_l.', ''],
    flat: ['lora_te_', 'lora_te1_'],
  },
  { dotted: ['text_encoder_2.', 'text_encoders.clip_g.transformer.', 'clip_g.'], flat: ['lora_te2_'] },
];
/** Of a T5: the third encoder of Stable Diffusion 3 and the second of FLUX.1, where sd-scripts also counts it third. */
const T5 = {
  dotted: ['text_encoder_3.', 'text_encoders.t5xxl.transformer.', 't5xxl.transformer.', 't5xxl.'],
  flat: ['lora_te3_'],
};
const SECOND_T5 = { dotted: ['text_encoder_2.', ...T5.dotted.slice(1)], flat: ['lora_te2_', 'lora_te3_'] };
const QWEN = {
  dotted: ['text_encoder.', ...['qwen3_4b', 'qwen3_8b'].map((name) => `text_encoders.${name}.transformer.`)],
  flat: ['lora_te_', 'lora_te1_'],
};
const PEFT = 'base_model.model.';

/** By every spelling of every module. */
export function placesOf({
  denoiser,
  textEncoders,
}: {
  readonly denoiser: Denoiser;
  readonly textEncoders: readonly TextEncoderPart[];
}): Places {
  const places = new Map<string, Place[]>();
  const add = (
    names: typeof DENOISER,
    { name, rows, halvesSwapped }: OriginalName,
    part: AdaptedPart,
    module: string,
  ) => {
    const place: Place = { part, module, ...(rows && { rows }), ...(halvesSwapped && { halvesSwapped }) };
    const dotted = names.dotted.flatMap((prefix) => [`${prefix}${name}`, `${PEFT}${prefix}${name}`]);
    const flat = names.flat.map((prefix) => `${prefix}${name.replaceAll('.', '_')}`);
    for (const spelling of new Set([...dotted, ...flat])) {
      const known = places.get(spelling);
      if (known === undefined) places.set(spelling, [place]);
      else if (known.every((other) => other.module !== module)) known.push(place);
    }
  };
  for (const module of modulesOf(denoiser.component)) {
    for (const name of denoiserNames(module, denoiser)) add(DENOISER, name, 'denoiser', module);
  }
  for (const encoder of textEncoders) {
    const { name: part, component } = encoder;
    for (const module of modulesOf(component)) {
      for (const name of textNames(module, encoder)) add(prefixesOf(encoder), { name }, part, module);
    }
  }
  return places;
}

function prefixesOf({ kind, name }: TextEncoderPart): typeof DENOISER {
  if (kind === 'qwen') return QWEN;
  if (kind === 't5') return name === 'textEncoder2' ? SECOND_T5 : T5;
  return name === 'textEncoder' ? CLIPS[0]! : CLIPS[1]!;
}

function modulesOf({ tensors }: Component): Set<string> {
  return new Set(Array.from(tensors.keys(), (name) => name.replace(/\.(?:weight|bias)$/, '')));
}

function denoiserNames(module: string, { originalNames }: Denoiser): OriginalName[] {
  const own = [module, ...(module.endsWith('.to_out.0') ? [module.slice(0, -2)] : [])];
  return [...own.map((name) => ({ name })), ...originalNames(module)];
}

/** A CLIP's modules with and without the prefix of the whole model; its projections as diffusers once called them. */
function textNames(module: string, { kind }: TextEncoderPart): string[] {
  if (kind === 'qwen') {
    const bare = module.replace(/^model\./, '');
    return [bare, `model.${bare}`];
  }
  if (kind === 't5') return [module];
  const short = module.replace(/^text_model\./, '');
  const full =
    short === module && !/^(?:encoder\.layers|embeddings|final_layer_norm)\b/.test(short)
      ? [short]
      : [`text_model.${short}`, short];
  const old = /\.self_attn\.(?:([qkv])_proj|out_proj)$/.exec(short);
  if (old === null) return full;
  const projection = old[1] === undefined ? 'to_out' : `to_${old[1]}`;
  return [...full, ...full.map((name) => name.replace(/[a-z]+_proj$/, projection))];
}
