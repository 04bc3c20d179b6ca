/** Upscalers and restorers of other architectures, by a tensor that only they have (spandrel's architectures). */
import type { Tensors } from '../checkpoint/tensors.ts';

/** The first match counts. */
const FOREIGN: readonly (readonly [key: RegExp, name: string])[] = [
  [/^am_list\.0\.fc\.0\.weight$/, 'MM-RealSR'],
  [/^layers\.0\.residual_group\.layers\.0\.attn_atd\./, 'ATD'],
  [/^layers\.0\.residual_group\.hf_blocks\.0\./, 'CRAFT'],
  [/^layers\.0\.residual_group\.overlap_attn\./, 'HAT'],
  [/^layers\.0\.swin1\./, 'DRCT'],
  [/^layers\.0\.blocks\.0\.attn\.channel_interaction\./, 'DAT'],
  [/^layers\.0\.blocks\.0\.gamma$/, 'RGT'],
  [/^(model\.|model_g\.)?layers\.0\.blocks\.0\.attn\.window_attn\./, 'GRL'],
  [/^layers\.0\.residual_group\.blocks\.0\.attn\.logit_scale$/, 'Swin2SR'],
  [/^layers\.0\.residual_group\.blocks\.0\./, 'SwinIR'],
  [/^residual_layer\.0\.residual_layer\.0\.layer\.0\.fn\.0\.weight$/, 'OmniSR'],
  [/^block_1\.c1_r\.sk\.weight$/, 'SPAN'],
  [/^feats\.1\.lk\./, 'PLKSR'],
  [/^feats\.0\.(layers\.0\.)?safm\./, 'SAFMN'],
  [/^gblocks\.1\.norm\.weight$/, 'MoSR'],
  [/^blocks\.0\.blocks\.0\.conv\.dwconv_hw\.weight$/, 'MoESR'],
  [/^groups\.0\.blocks\.0\.inter\.cg\.1\.weight$/, 'FDAT'],
  [/^unet1\.conv1\.conv\.0\.weight$/, 'Real-CUGAN'],
  [/^UFONE\.0\.ITLs\.0\./, 'DITN'],
  [/^B1\.body\.0\.transformer_body\.0\./, 'DCTLSA'],
  [/^body\.0\.body\.0\.body\.3\.conv_du\.0\.weight$/, 'RCAN'],
  [/^body\.0\.local_block\.norm_1\.weight$/, 'SeemoRe'],
  [/^body\.encoder\.layers\.0\.self_attn\./, 'IPT'],
  [/^initial\.cnn\.depthwise\.weight$/, 'Swift-SRGAN'],
  [/^mid_attn\.layers\.0\.0\.to_out\.weight$/, 'AuraSR'],
  [/^stylegan_decoder\.style_mlp\.1\.weight$/, 'GFPGAN'],
  [/^fuse_convs_dict\./, 'CodeFormer'],
  [/^qf_pred\.0\.res\.0\.weight$/, 'FBCNN'],
  [/^m_down1\.0\.trans_block\./, 'SCUNet'],
  [/^m_down1\.0\.res\.0\.weight$/, 'DRUNet'],
];

/** @returns the architecture's name */
export function foreignUpscaler(tensors: Tensors): string | undefined {
  const names = [...tensors.keys()];
  return FOREIGN.find(([key]) => names.some((name) => key.test(name)))?.[1];
}
