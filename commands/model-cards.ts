/** What is known of a model's file, in words. The file's own texts are a stranger's: cards hold them as plain words. */
import { basename } from 'node:path';
import type { CardField } from '../adapters/card.ts';
import { kindKey } from '../src/model-kinds.ts';
import { hintOfName } from '../src/request.ts';
import type { PlainKey, Say, Words } from '../src/sentences.ts';
import type { ModelFile } from './ports.ts';

/** `LoRA, Stable Diffusion XL, F16, 0.2 GB` */
export function kindWords({ kind, family, variant, dtype, bytes }: ModelFile, say: Say): string {
  return [say(kindKey(kind)), family, variant, dtype, bytes > 0 && sizeWords(bytes)]
    .filter(Boolean)
    .join(', ');
}

/**
 * @param set what admins have set for it here, as flags
 * @param words about its licence
 */
export function fieldsOfFile(
  file: ModelFile,
  say: Say,
  { set, words }: { readonly set: string; readonly words: Words | undefined },
): CardField[] {
  const { predictionType, fewSteps, sha256, triggerWords, baseModel, title, refusal, renamed } = file;
  const rows: [PlainKey, string | undefined][] = [
    ['models.field.kind', kindWords(file, say)],
    ['models.field.prediction', predictionType],
    ['models.field.few_steps', fewSteps],
    ['models.field.here', set],
    ['models.field.hint', set === '' ? hintOf(file, say) : undefined],
    ['models.field.title', title === file.name ? undefined : title],
    ['models.field.base', baseModel],
    ['models.field.triggers', triggerWords?.join(', ')],
    ['models.field.usage', usage(file, say)],
    ['models.field.licence', words === undefined ? undefined : say.words(words)],
    ['models.field.sha256', sha256],
    ['models.field.short_hash', sha256?.slice(0, 10)],
    ['models.field.note', renamed && say('models.renamed', { name: file.name })],
    ['models.field.refusal', refusal && say('error.model_files', { reason: refusal })],
  ];
  return rows.flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [{ name: say(key), value }],
  );
}

/** What only its name says. */
function hintOf(file: ModelFile, say: Say): string | undefined {
  const hint = hintOfName(file);
  if (hint === undefined) return undefined;
  const quoted = /\s/.test(file.name) ? `"${file.name}"` : file.name;
  const command = `/models set ${quoted} --${hint.key.replace('_type', '').replace('_', '-')} ${hint.value}`;
  if (file.form === 'folder') return say('models.hint_folder', { words: hint.value, command });
  return say('models.hint', {
    ...{ words: hint.value, command },
    json: JSON.stringify({ [hint.key]: hint.value }),
    file: `${basename(file.path).replace(/\.[^.]+$/, '')}.json`,
  });
}

function usage({ kind, name, refusal }: ModelFile, say: Say): string | undefined {
  if (refusal !== undefined) return undefined;
  const quoted = /\s/.test(name) ? `"${name}"` : name;
  if (kind === 'checkpoint') return `--model ${quoted}`;
  if (kind === 'lora') return say('models.use_lora', { tag: `<lora:${name}:1>`, name: quoted });
  if (kind === 'upscaler') return say('models.use_upscaler', { name: quoted });
  return kind === 'embedding' ? say('models.use_embedding', { name }) : undefined;
}

const sizeWords = (bytes: number) =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${Math.round(bytes / 1e6)} MB`
      : `${Math.ceil(bytes / 1e3)} kB`;
