/** What is known of a model's file, in words. The file's own texts are a stranger's: cards hold them as plain words. */
import type { CardField } from '../adapters/card.ts';
import type { ModelFile } from './ports.ts';

const KINDS: Readonly<Record<string, string>> = {
  checkpoint: 'model',
  lora: 'LoRA',
  vae: 'VAE',
  embedding: 'embedding',
  controlnet: 'ControlNet',
  upscaler: 'upscaler',
  text_encoder: 'text encoder',
};

/** `LoRA, Stable Diffusion XL, F16, 0.2 GB` */
export function kindWords({ kind, family, variant, dtype, bytes }: ModelFile): string {
  const what = Object.hasOwn(KINDS, kind) ? KINDS[kind] : 'not recognised';
  return [what, family, variant, dtype, bytes > 0 && sizeWords(bytes)].filter(Boolean).join(', ');
}

export function fieldsOfFile(file: ModelFile): CardField[] {
  const { kind, predictionType, sha256, triggerWords, baseModel, title, licence, refusal, renamed } = file;
  const rows: [string, string | undefined][] = [
    ['kind', kindWords(file)],
    ['prediction', predictionType],
    ['title', title === file.name ? undefined : title],
    ['base model', baseModel],
    ['trigger words', triggerWords?.join(', ')],
    ['how to use', usage(file)],
    ['licence', licence ?? (kind === 'checkpoint' ? 'none stated' : undefined)],
    ['SHA-256', sha256],
    ['short hash', sha256?.slice(0, 10)],
    ['note', renamed],
    ['cannot be used', refusal],
  ];
  return rows.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [{ name, value }]));
}

function usage({ kind, name, refusal }: ModelFile): string | undefined {
  if (refusal !== undefined) return undefined;
  const quoted = /\s/.test(name) ? `"${name}"` : name;
  if (kind === 'checkpoint') return `--model ${quoted}`;
  if (kind === 'lora') return `<lora:${name}:1> in the prompt, or --lora ${quoted}`;
  if (kind === 'upscaler') return `--upscaler ${quoted}, with --upscale 2 or --upscale-image 2`;
  return kind === 'embedding' ? `${name} in the prompt` : undefined;
}

const sizeWords = (bytes: number) =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${Math.round(bytes / 1e6)} MB`
      : `${Math.ceil(bytes / 1e3)} kB`;
