/** The tensors of full-size flow transformers in their authors' names, and of Qwen3-4B in llama.cpp's. */
import type { Shapes } from './forge-shapes.ts';

const HEAD = 128;

class Matrices {
  readonly shapes: Shapes = new Map();
  readonly #bias: boolean;

  constructor(bias: boolean) {
    this.#bias = bias;
  }

  matrix(name: string, outputs: number, inputs: number, bias = this.#bias): void {
    this.shapes.set(`${name}.weight`, [outputs, inputs]);
    if (bias) this.shapes.set(`${name}.bias`, [outputs]);
  }

  vector(name: string, size: number): void {
    this.shapes.set(name, [size]);
  }
}

/** FLUX.1-dev (12 B). */
export function fluxShapes(): Shapes {
  const width = 3072;
  const of = new Matrices(true);
  of.matrix('img_in', width, 64);
  of.matrix('txt_in', width, 4096);
  for (const [name, inputs] of Object.entries({ time_in: 256, guidance_in: 256, vector_in: 768 })) {
    of.matrix(`${name}.in_layer`, width, inputs);
    of.matrix(`${name}.out_layer`, width, width);
  }
  for (let i = 0; i < 19; i++) {
    for (const side of ['img', 'txt']) {
      const name = `double_blocks.${i}.${side}`;
      of.matrix(`${name}_mod.lin`, 6 * width, width);
      attention(of, `${name}_attn`, width);
      of.matrix(`${name}_mlp.0`, 4 * width, width);
      of.matrix(`${name}_mlp.2`, width, 4 * width);
    }
  }
  for (let i = 0; i < 38; i++) {
    const name = `single_blocks.${i}`;
    of.matrix(`${name}.modulation.lin`, 3 * width, width);
    of.matrix(`${name}.linear1`, 7 * width, width);
    of.matrix(`${name}.linear2`, width, 5 * width);
    norms(of, `${name}.norm`);
  }
  of.matrix('final_layer.adaLN_modulation.1', 2 * width, width);
  of.matrix('final_layer.linear', 64, width);
  return of.shapes;
}

/** FLUX.2-klein-4B. */
export function kleinShapes(): Shapes {
  const [width, inner] = [3072, 9216];
  const of = new Matrices(false);
  of.matrix('img_in', width, 128);
  of.matrix('txt_in', width, 7680);
  of.matrix('time_in.in_layer', width, 256);
  of.matrix('time_in.out_layer', width, width);
  for (const side of ['img', 'txt']) of.matrix(`double_stream_modulation_${side}.lin`, 6 * width, width);
  of.matrix('single_stream_modulation.lin', 3 * width, width);
  for (let i = 0; i < 5; i++) {
    for (const side of ['img', 'txt']) {
      attention(of, `double_blocks.${i}.${side}_attn`, width);
      of.matrix(`double_blocks.${i}.${side}_mlp.0`, 2 * inner, width);
      of.matrix(`double_blocks.${i}.${side}_mlp.2`, width, inner);
    }
  }
  for (let i = 0; i < 20; i++) {
    of.matrix(`single_blocks.${i}.linear1`, 3 * width + 2 * inner, width);
    of.matrix(`single_blocks.${i}.linear2`, width, width + inner);
    norms(of, `single_blocks.${i}.norm`);
  }
  of.matrix('final_layer.adaLN_modulation.1', 2 * width, width);
  of.matrix('final_layer.linear', 128, width);
  return of.shapes;
}

function attention(of: Matrices, name: string, width: number): void {
  of.matrix(`${name}.qkv`, 3 * width, width);
  of.matrix(`${name}.proj`, width, width);
  norms(of, `${name}.norm`);
}

function norms(of: Matrices, name: string): void {
  for (const norm of ['query_norm', 'key_norm']) of.vector(`${name}.${norm}.scale`, HEAD);
}

/** Z-Image (6 B). */
export function zImageShapes(): Shapes {
  const [width, condition, words] = [3840, 256, 2560];
  const inner = (width / 3) * 8;
  const of = new Matrices(true);
  of.matrix('x_embedder', width, 64);
  of.matrix('t_embedder.mlp.0', 1024, 256);
  of.matrix('t_embedder.mlp.2', condition, 1024);
  of.vector('cap_embedder.0.weight', words);
  of.matrix('cap_embedder.1', width, words);
  for (const token of ['x_pad_token', 'cap_pad_token']) of.shapes.set(token, [1, width]);
  const groups = { noise_refiner: 2, context_refiner: 2, layers: 30 };
  for (const [group, count] of Object.entries(groups)) {
    for (let i = 0; i < count; i++) {
      const name = `${group}.${i}`;
      of.matrix(`${name}.attention.qkv`, 3 * width, width, false);
      of.matrix(`${name}.attention.out`, width, width, false);
      for (const norm of ['q_norm', 'k_norm']) of.vector(`${name}.attention.${norm}.weight`, HEAD);
      for (const norm of ['attention_norm1', 'attention_norm2', 'ffn_norm1', 'ffn_norm2'])
        of.vector(`${name}.${norm}.weight`, width);
      of.matrix(`${name}.feed_forward.w1`, inner, width, false);
      of.matrix(`${name}.feed_forward.w2`, width, inner, false);
      of.matrix(`${name}.feed_forward.w3`, inner, width, false);
      if (group !== 'context_refiner') of.matrix(`${name}.adaLN_modulation.0`, 4 * width, condition);
    }
  }
  of.matrix('final_layer.adaLN_modulation.1', width, condition);
  of.matrix('final_layer.linear', 64, width);
  return of.shapes;
}

export function qwen3Shapes(): Shapes {
  const [width, inner, keys] = [2560, 9728, 8 * HEAD];
  const of = new Matrices(false);
  of.matrix('token_embd', 151_936, width);
  of.vector('output_norm.weight', width);
  for (let i = 0; i < 36; i++) {
    const name = `blk.${i}`;
    of.matrix(`${name}.attn_q`, 32 * HEAD, width);
    of.matrix(`${name}.attn_k`, keys, width);
    of.matrix(`${name}.attn_v`, keys, width);
    of.matrix(`${name}.attn_output`, width, 32 * HEAD);
    for (const norm of ['attn_q_norm', 'attn_k_norm']) of.vector(`${name}.${norm}.weight`, HEAD);
    for (const norm of ['attn_norm', 'ffn_norm']) of.vector(`${name}.${norm}.weight`, width);
    of.matrix(`${name}.ffn_gate`, inner, width);
    of.matrix(`${name}.ffn_up`, inner, width);
    of.matrix(`${name}.ffn_down`, width, inner);
  }
  return of.shapes;
}
