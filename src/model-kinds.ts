/** What the kinds of model files are called. */
import type { PlainKey } from './sentences.ts';

const KINDS = {
  checkpoint: 'models.kind.checkpoint',
  lora: 'models.kind.lora',
  vae: 'models.kind.vae',
  embedding: 'models.kind.embedding',
  controlnet: 'models.kind.controlnet',
  upscaler: 'models.kind.upscaler',
  text_encoder: 'models.kind.text_encoder',
  detector: 'models.kind.detector',
} as const satisfies Readonly<Record<string, PlainKey>>;

export const kindKey = (kind: string): PlainKey =>
  Object.hasOwn(KINDS, kind) ? KINDS[kind as keyof typeof KINDS] : 'models.kind.other';
