/** The config.json of full-size models as they stand on the hub, without what only names their authors. */

const CROSS_DOWN = 'CrossAttnDownBlock2D';
const CROSS_UP = 'CrossAttnUpBlock2D';
const UNET = {
  _class_name: 'UNet2DConditionModel',
  act_fn: 'silu',
  center_input_sample: false,
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
};
/** What a ControlNet says in place of the UNet's way up. */
function controlNet(unet: Readonly<Record<string, unknown>>) {
  const {
    up_block_types: _,
    center_input_sample: __,
    out_channels: ___,
    sample_size: ____,
    ...shared
  } = unet;
  return {
    ...shared,
    _class_name: 'ControlNetModel',
    conditioning_embedding_out_channels: [16, 32, 96, 256],
    controlnet_conditioning_channel_order: 'rgb',
    global_pool_conditions: false,
  };
}
const CLIP_L = {
  architectures: ['CLIPTextModel'],
  bos_token_id: 0,
  eos_token_id: 2,
  pad_token_id: 1,
  hidden_act: 'quick_gelu',
  hidden_size: 768,
  intermediate_size: 3072,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 77,
  model_type: 'clip_text_model',
  num_attention_heads: 12,
  num_hidden_layers: 12,
  projection_dim: 768,
  vocab_size: 49408,
};
const CLIP_L_PROJECTED = { ...CLIP_L, architectures: ['CLIPTextModelWithProjection'] };
const CLIP_G = {
  ...CLIP_L_PROJECTED,
  hidden_act: 'gelu',
  hidden_size: 1280,
  intermediate_size: 5120,
  num_attention_heads: 20,
  num_hidden_layers: 32,
  projection_dim: 1280,
};
const VAE = {
  _class_name: 'AutoencoderKL',
  act_fn: 'silu',
  block_out_channels: [128, 256, 512, 512],
  down_block_types: new Array<string>(4).fill('DownEncoderBlock2D'),
  up_block_types: new Array<string>(4).fill('UpDecoderBlock2D'),
  in_channels: 3,
  out_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  sample_size: 512,
};
const SCALED_LINEAR = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  num_train_timesteps: 1000,
};

const SD15_UNET = {
  ...UNET,
  attention_head_dim: 8,
  block_out_channels: [320, 640, 1280, 1280],
  cross_attention_dim: 768,
  down_block_types: [CROSS_DOWN, CROSS_DOWN, CROSS_DOWN, 'DownBlock2D'],
  up_block_types: ['UpBlock2D', CROSS_UP, CROSS_UP, CROSS_UP],
  sample_size: 64,
};
const SDXL_UNET = {
  ...UNET,
  addition_embed_type: 'text_time',
  addition_embed_type_num_heads: 64,
  addition_time_embed_dim: 256,
  attention_head_dim: [5, 10, 20],
  block_out_channels: [320, 640, 1280],
  cross_attention_dim: 2048,
  down_block_types: ['DownBlock2D', CROSS_DOWN, CROSS_DOWN],
  mid_block_type: 'UNetMidBlock2DCrossAttn',
  num_attention_heads: null,
  num_class_embeds: null,
  only_cross_attention: false,
  projection_class_embeddings_input_dim: 2816,
  resnet_time_scale_shift: 'default',
  sample_size: 128,
  transformer_layers_per_block: [1, 2, 10],
  up_block_types: [CROSS_UP, CROSS_UP, 'UpBlock2D'],
  upcast_attention: null,
  use_linear_projection: true,
};
const SD35_MEDIUM_TRANSFORMER = {
  _class_name: 'SD3Transformer2DModel',
  attention_head_dim: 64,
  caption_projection_dim: 1536,
  dual_attention_layers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  in_channels: 16,
  joint_attention_dim: 4096,
  num_attention_heads: 24,
  num_layers: 24,
  out_channels: 16,
  patch_size: 2,
  pooled_projection_dim: 2048,
  pos_embed_max_size: 384,
  qk_norm: 'rms_norm',
  sample_size: 128,
};

/** A model's folder as data; `text_encoder` and the like are the names of its subfolders. */
export interface FolderConfigs {
  readonly pipeline: string;
  readonly textEncoders: readonly Readonly<Record<string, unknown>>[];
  readonly denoiser: Readonly<Record<string, unknown>>;
  readonly vae: Readonly<Record<string, unknown>>;
  readonly scheduler: Readonly<Record<string, unknown>>;
  /** Of a ControlNet for any kind of picture; where the family has them. */
  readonly controlNet?: Readonly<Record<string, unknown>>;
}

export const FULL_SIZE = {
  sd15: {
    pipeline: 'StableDiffusionPipeline',
    textEncoders: [CLIP_L],
    denoiser: SD15_UNET,
    vae: VAE,
    scheduler: {
      _class_name: 'PNDMScheduler',
      ...SCALED_LINEAR,
      set_alpha_to_one: false,
      skip_prk_steps: true,
      steps_offset: 1,
    },
    controlNet: controlNet(SD15_UNET),
  },
  sdxl: {
    pipeline: 'StableDiffusionXLPipeline',
    textEncoders: [CLIP_L, CLIP_G],
    denoiser: SDXL_UNET,
    vae: { ...VAE, sample_size: 1024, scaling_factor: 0.13025, force_upcast: true },
    scheduler: {
      _class_name: 'EulerDiscreteScheduler',
      ...SCALED_LINEAR,
      prediction_type: 'epsilon',
      steps_offset: 1,
      timestep_spacing: 'leading',
    },
    controlNet: controlNet(SDXL_UNET),
  },
  /** Without its T5, which the family may lack: 19 GB that no denoiser call needs. */
  'sd35-medium': {
    pipeline: 'StableDiffusion3Pipeline',
    textEncoders: [CLIP_L_PROJECTED, CLIP_G],
    denoiser: SD35_MEDIUM_TRANSFORMER,
    vae: {
      ...VAE,
      latent_channels: 16,
      sample_size: 1024,
      scaling_factor: 1.5305,
      shift_factor: 0.0609,
      use_quant_conv: false,
      use_post_quant_conv: false,
    },
    scheduler: { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 3 },
  },
} as const satisfies Record<string, FolderConfigs>;
