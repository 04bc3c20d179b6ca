/**
 * What a graph is built for. The description of a network is one; which operators it becomes, in which layout and
 * number type, is the target's.
 */

export interface Target {
  /** Of activations, and of the weights beside them. Inputs and outputs of a graph are float32 on every target. */
  readonly type: 'float' | 'float16';
  /** Images within the graph are [B,H,W,C], and convolutions com.microsoft.NhwcConv; otherwise [B,C,H,W] and Conv. */
  readonly channelsLast: boolean;
  /** Attention is com.microsoft.MultiHeadAttention; otherwise two products of matrices around a softmax. */
  readonly attention: boolean;
  /** Group norms, their SiLU and the sum before them are com.microsoft.GroupNorm or SkipGroupNorm (channels last only). */
  readonly groupNorm: boolean;
  /** Linear layers are com.microsoft.FusedMatMul over the weight as it is stored; otherwise MatMul over the turned weight. */
  readonly fusedMatMul: boolean;
  /** GEGLU is com.microsoft.BiasSplitGelu, where its kernel has the size. */
  readonly splitGelu: boolean;
  /** Tables of embeddings are looked up as they are stored; otherwise they are cast first, on a device that may lack float16. */
  readonly storedTables: boolean;
  /** A convolution may take any number of channels; otherwise multiples of 3 from 6 on get zeros beside them. */
  readonly oddChannels: boolean;
  /** Weights that are stored in blocks are read out at each run; otherwise once, when the session folds its constants. */
  readonly blocksInPlace: boolean;
  /** The sum before a layer norm joins it as com.microsoft.SkipLayerNormalization. */
  readonly skipNorm: boolean;
  /**
   * Linear layers and convolutions that take most of the time are products of whole numbers of 8 bits: weights with a
   * scale for each output, activations with a scale for each run. Only in float32, channels first.
   */
  readonly int8: boolean;
}

/** Operators that onnxruntime has for the CPU, for WebGPU and for CUDA, in float32. */
export const PORTABLE: Target = {
  type: 'float',
  storedTables: true,
  blocksInPlace: true,
  channelsLast: false,
  attention: true,
  fusedMatMul: true,
  oddChannels: true,
  groupNorm: false,
  splitGelu: false,
  skipNorm: false,
  int8: false,
};

/**
 * As PORTABLE without what onnxruntime 1.30.0 gets wrong or lacks on WebGPU:
 * - MultiHeadAttention (flash attention) is 1 to 50 % off in float32 on a software Vulkan, and 2.6 % over SD 1.5's UNet
 *   on an H100 in float16, where the two products of matrices agree with the CPU to 1e-6;
 * - FusedMatMul has no kernel: each linear layer would run on the CPU, and its activations travel there and back;
 * - a convolution over 9 channels, as in the UNet of an inpainting model, gives other numbers altogether: the kernel
 *   reads three channels at once where their number is divisible by 3 (conv2d_mm.cc), which holds for 3 alone.
 */
export const WEBGPU: Target = {
  ...PORTABLE,
  attention: false,
  storedTables: false,
  blocksInPlace: false,
  fusedMatMul: false,
  oddChannels: false,
};

/**
 * onnxruntime's CUDA kernels for diffusion (onnxruntime/contrib_ops/cuda/diffusion), which its own optimiser for
 * Stable Diffusion makes use of: on an RTX 3060 channels last and GroupNorm took SD 1.5 from 6.1 s to 5.1 s, and
 * BiasSplitGelu to 4.9 s (onnxruntime/python/tools/transformers/models/stable_diffusion/README.md).
 */
export const CUDA: Target = {
  type: 'float16',
  storedTables: true,
  blocksInPlace: false,
  channelsLast: true,
  attention: true,
  fusedMatMul: true,
  oddChannels: true,
  groupNorm: true,
  splitGelu: true,
  skipNorm: true,
  int8: false,
};

/** The same target in float32, for what overflows float16. */
export const inFloat32 = (target: Target): Target => ({ ...target, type: 'float' });
