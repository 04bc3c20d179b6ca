/** The tensors of each component as diffusers and transformers name them, with their shapes. */

export type Shapes = Map<string, readonly number[]>;
type Config = Readonly<Record<string, unknown>>;

const SD3_TIME_CHANNELS = 256;

/** Collects layers under their dotted names. */
class Layers {
  readonly shapes: Shapes = new Map();

  linear(name: string, inputs: number, outputs: number, bias = true): void {
    this.shapes.set(`${name}.weight`, [outputs, inputs]);
    if (bias) this.shapes.set(`${name}.bias`, [outputs]);
  }

  conv(name: string, inputs: number, outputs: number, kernel = 3): void {
    this.shapes.set(`${name}.weight`, [outputs, inputs, kernel, kernel]);
    this.shapes.set(`${name}.bias`, [outputs]);
  }

  norm(name: string, channels: number): void {
    this.shapes.set(`${name}.weight`, [channels]);
    this.shapes.set(`${name}.bias`, [channels]);
  }

  embedder(name: string, inputs: number, channels: number): void {
    this.linear(`${name}.linear_1`, inputs, channels);
    this.linear(`${name}.linear_2`, channels, channels);
  }

  /** @param time channels of the time embedding; 0 in a VAE */
  resnet(name: string, inputs: number, outputs: number, time = 0): void {
    this.norm(`${name}.norm1`, inputs);
    this.conv(`${name}.conv1`, inputs, outputs);
    if (time > 0) this.linear(`${name}.time_emb_proj`, time, outputs);
    this.norm(`${name}.norm2`, outputs);
    this.conv(`${name}.conv2`, outputs, outputs);
    if (inputs !== outputs) this.conv(`${name}.conv_shortcut`, inputs, outputs, 1);
  }

  transformer(name: string, channels: number, context: number, layers: number, isLinear: boolean): void {
    this.norm(`${name}.norm`, channels);
    const project = (part: string) =>
      isLinear
        ? this.linear(`${name}.${part}`, channels, channels)
        : this.conv(`${name}.${part}`, channels, channels, 1);
    project('proj_in');
    for (let i = 0; i < layers; i++) {
      const block = `${name}.transformer_blocks.${i}`;
      for (const [attention, width] of [
        ['attn1', channels],
        ['attn2', context],
      ] as const) {
        this.linear(`${block}.${attention}.to_q`, channels, channels, false);
        this.linear(`${block}.${attention}.to_k`, width, channels, false);
        this.linear(`${block}.${attention}.to_v`, width, channels, false);
        this.linear(`${block}.${attention}.to_out.0`, channels, channels);
      }
      for (const norm of ['norm1', 'norm2', 'norm3']) this.norm(`${block}.${norm}`, channels);
      this.linear(`${block}.ff.net.0.proj`, channels, 8 * channels);
      this.linear(`${block}.ff.net.2`, 4 * channels, channels);
    }
    project('proj_out');
  }
}

/** What UNets and ControlNets share. */
function unetEncoder(layers: Layers, config: Config) {
  const channels = config['block_out_channels'] as number[];
  const perBlock = (key: string, fallback: number) => {
    const value = (config[key] ?? fallback) as number | number[];
    return channels.map((_, i) => (Array.isArray(value) ? value[i]! : value));
  };
  const context = config['cross_attention_dim'] as number;
  const depths = perBlock('transformer_layers_per_block', 1);
  const counts = perBlock('layers_per_block', 2);
  const isLinear = config['use_linear_projection'] === true;
  const time = 4 * channels[0]!;
  const attend = (name: string, block: number) =>
    layers.transformer(name, channels[block]!, context, depths[block]!, isLinear);

  layers.conv('conv_in', config['in_channels'] as number, channels[0]!);
  layers.embedder('time_embedding', channels[0]!, time);
  if (config['addition_embed_type'] === 'text_time') {
    layers.embedder('add_embedding', config['projection_class_embeddings_input_dim'] as number, time);
  }
  const skips = [channels[0]!];
  for (const [i, type] of (config['down_block_types'] as string[]).entries()) {
    for (let j = 0; j < counts[i]!; j++) {
      const name = `down_blocks.${i}`;
      layers.resnet(`${name}.resnets.${j}`, skips.at(-1)!, channels[i]!, time);
      if (type.startsWith('Cross')) attend(`${name}.attentions.${j}`, i);
      skips.push(channels[i]!);
    }
    if (i === channels.length - 1) continue;
    layers.conv(`down_blocks.${i}.downsamplers.0.conv`, channels[i]!, channels[i]!);
    skips.push(channels[i]!);
  }
  const last = channels.at(-1)!;
  layers.resnet('mid_block.resnets.0', last, last, time);
  attend('mid_block.attentions.0', channels.length - 1);
  layers.resnet('mid_block.resnets.1', last, last, time);
  return { channels, counts, time, skips, attend };
}

export function unetShapes(config: Config): Shapes {
  const layers = new Layers();
  const { channels, counts, time, skips, attend } = unetEncoder(layers, config);
  let below = channels.at(-1)!;
  for (const [position, type] of (config['up_block_types'] as string[]).entries()) {
    const block = channels.length - 1 - position;
    const name = `up_blocks.${position}`;
    for (let j = 0; j <= counts[block]!; j++) {
      layers.resnet(`${name}.resnets.${j}`, below + skips.pop()!, channels[block]!, time);
      if (type.startsWith('Cross')) attend(`${name}.attentions.${j}`, block);
      below = channels[block]!;
    }
    if (block > 0) layers.conv(`${name}.upsamplers.0.conv`, below, below);
  }
  layers.norm('conv_norm_out', below);
  layers.conv('conv_out', below, config['out_channels'] as number);
  return layers.shapes;
}

export function controlNetShapes(config: Config): Shapes {
  const layers = new Layers();
  const { channels, skips } = unetEncoder(layers, config);
  const widths = config['conditioning_embedding_out_channels'] as number[];
  layers.conv('controlnet_cond_embedding.conv_in', 3, widths[0]!);
  for (const [i, next] of widths.slice(1).entries()) {
    layers.conv(`controlnet_cond_embedding.blocks.${2 * i}`, widths[i]!, widths[i]!);
    layers.conv(`controlnet_cond_embedding.blocks.${2 * i + 1}`, widths[i]!, next);
  }
  layers.conv('controlnet_cond_embedding.conv_out', widths.at(-1)!, channels[0]!);
  for (const [i, width] of skips.entries()) layers.conv(`controlnet_down_blocks.${i}`, width, width, 1);
  layers.conv('controlnet_mid_block', channels.at(-1)!, channels.at(-1)!, 1);
  return layers.shapes;
}

export function clipShapes(config: Config): Shapes {
  const layers = new Layers();
  const width = config['hidden_size'] as number;
  const inner = config['intermediate_size'] as number;
  const embeddings = 'text_model.embeddings';
  layers.shapes.set(`${embeddings}.token_embedding.weight`, [config['vocab_size'] as number, width]);
  layers.shapes.set(`${embeddings}.position_embedding.weight`, [
    config['max_position_embeddings'] as number,
    width,
  ]);
  for (let i = 0; i < (config['num_hidden_layers'] as number); i++) {
    const name = `text_model.encoder.layers.${i}`;
    for (const part of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) {
      layers.linear(`${name}.self_attn.${part}`, width, width);
    }
    layers.norm(`${name}.layer_norm1`, width);
    layers.norm(`${name}.layer_norm2`, width);
    layers.linear(`${name}.mlp.fc1`, width, inner);
    layers.linear(`${name}.mlp.fc2`, inner, width);
  }
  layers.norm('text_model.final_layer_norm', width);
  if ((config['architectures'] as string[])[0] === 'CLIPTextModelWithProjection') {
    layers.linear('text_projection', width, config['projection_dim'] as number, false);
  }
  return layers.shapes;
}

export function vaeShapes(config: Config): Shapes {
  const layers = new Layers();
  const channels = config['block_out_channels'] as number[];
  const count = config['layers_per_block'] as number;
  const latents = config['latent_channels'] as number;
  const last = channels.at(-1)!;
  const middle = (side: string) => {
    layers.resnet(`${side}.mid_block.resnets.0`, last, last);
    layers.norm(`${side}.mid_block.attentions.0.group_norm`, last);
    for (const part of ['to_q', 'to_k', 'to_v', 'to_out.0']) {
      layers.linear(`${side}.mid_block.attentions.0.${part}`, last, last);
    }
    layers.resnet(`${side}.mid_block.resnets.1`, last, last);
  };
  let width = channels[0]!;
  layers.conv('encoder.conv_in', 3, width);
  for (const [i, next] of channels.entries()) {
    for (let j = 0; j < count; j++) {
      layers.resnet(`encoder.down_blocks.${i}.resnets.${j}`, width, next);
      width = next;
    }
    if (i < channels.length - 1) {
      layers.conv(`encoder.down_blocks.${i}.downsamplers.0.conv`, next, next);
    }
  }
  middle('encoder');
  layers.norm('encoder.conv_norm_out', last);
  layers.conv('encoder.conv_out', last, 2 * latents);
  layers.conv('decoder.conv_in', latents, last);
  middle('decoder');
  for (const [i, next] of channels.toReversed().entries()) {
    for (let j = 0; j <= count; j++) {
      layers.resnet(`decoder.up_blocks.${i}.resnets.${j}`, width, next);
      width = next;
    }
    if (i < channels.length - 1) layers.conv(`decoder.up_blocks.${i}.upsamplers.0.conv`, next, next);
  }
  layers.norm('decoder.conv_norm_out', channels[0]!);
  layers.conv('decoder.conv_out', channels[0]!, 3);
  if (config['use_quant_conv'] !== false) layers.conv('quant_conv', 2 * latents, 2 * latents, 1);
  if (config['use_post_quant_conv'] !== false) layers.conv('post_quant_conv', latents, latents, 1);
  return layers.shapes;
}

export function sd3TransformerShapes(config: Config): Shapes {
  const layers = new Layers();
  const read = (key: string) => config[key] as number;
  const head = read('attention_head_dim');
  const channels = head * read('num_attention_heads');
  const [patch, latents, count] = [read('patch_size'), read('in_channels'), read('num_layers')];
  layers.shapes.set('pos_embed.pos_embed', [1, read('pos_embed_max_size') ** 2, channels]);
  layers.conv('pos_embed.proj', latents, channels, patch);
  layers.embedder('time_text_embed.timestep_embedder', SD3_TIME_CHANNELS, channels);
  layers.embedder('time_text_embed.text_embedder', read('pooled_projection_dim'), channels);
  layers.linear('context_embedder', read('joint_attention_dim'), channels);
  for (let i = 0; i < count; i++) {
    const name = `transformer_blocks.${i}`;
    const isLast = i === count - 1;
    const isDual = (config['dual_attention_layers'] as number[]).includes(i);
    layers.linear(`${name}.norm1.linear`, channels, (isDual ? 9 : 6) * channels);
    layers.linear(`${name}.norm1_context.linear`, channels, (isLast ? 2 : 6) * channels);
    const attend = (attention: string, parts: readonly string[], norms: readonly string[]) => {
      for (const part of parts) layers.linear(`${name}.${attention}.${part}`, channels, channels);
      if (config['qk_norm'] !== 'rms_norm') return;
      for (const norm of norms) layers.shapes.set(`${name}.${attention}.${norm}.weight`, [head]);
    };
    attend('attn', ['to_q', 'to_k', 'to_v', 'to_out.0'], ['norm_q', 'norm_k']);
    const text = ['add_q_proj', 'add_k_proj', 'add_v_proj', ...(isLast ? [] : ['to_add_out'])];
    attend('attn', text, ['norm_added_q', 'norm_added_k']);
    if (isDual) attend('attn2', ['to_q', 'to_k', 'to_v', 'to_out.0'], ['norm_q', 'norm_k']);
    for (const feed of isLast ? ['ff'] : ['ff', 'ff_context']) {
      layers.linear(`${name}.${feed}.net.0.proj`, channels, 4 * channels);
      layers.linear(`${name}.${feed}.net.2`, 4 * channels, channels);
    }
  }
  layers.linear('norm_out.linear', channels, 2 * channels);
  layers.linear('proj_out', channels, patch ** 2 * read('out_channels'));
  return layers.shapes;
}
