/** A1111's `parameters` text back to a draft, as far as it goes. */
import { parseSampler, parseSchedule } from '../diffusion/names.ts';
import type { RequestDraft } from './fields.ts';
import { LIMITS } from './limits.ts';
import { nameInHashes, takeLoras } from './loras.ts';
import { parseSize } from './option.ts';

/** The last line, whose first key is Steps in every program that writes it. */
const SETTINGS = /(?:^|\n)\s*(Steps: \d+,[^\n]*)\s*$/;
const NEGATIVE = /(?:^|\n)Negative prompt: ?/;
/** All in one line, as fields of one line make of what is pasted. */
const FLAT = /(?:^|\s)(Steps: \d+, (?:Sampler|CFG scale|Seed|Size|Schedule type): [^\n]*)\s*$/;
const FLAT_NEGATIVE = /(?:^|\s)Negative prompt: ?/;
const PAIR = /\s*([\w ]+?):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)/g;

/** @returns undefined where the text is none of A1111's; what a value cannot be used for is left out */
export function draftOfParameters(text: string): RequestDraft | undefined {
  if (text.length > 4 * LIMITS.promptCharacters) return undefined;
  const plain = text.replaceAll('\r\n', '\n');
  const isFlat = !plain.trim().includes('\n');
  const settings = (isFlat ? FLAT : SETTINGS).exec(plain);
  if (settings === null) return undefined;
  const [prompt = '', ...negative] = plain.slice(0, settings.index).split(isFlat ? FLAT_NEGATIVE : NEGATIVE);
  const pairs = new Map<string, string>();
  for (const [, key, value] of settings[1]!.matchAll(PAIR)) pairs.set(key!.trim(), unquote(value!.trim()));
  const number = (key: string, { min, max }: { readonly min: number; readonly max: number }) => {
    const value = Number(pairs.get(key) ?? Number.NaN);
    return value >= min && value <= max ? value : undefined;
  };
  const [width, height] = parseSize(pairs.get('Size') ?? '') ?? [];
  const skip = number('Clip skip', { min: 1, max: LIMITS.clipSkip.max + 1 });
  const fields: Partial<Record<keyof RequestDraft, unknown>> = {
    negative_prompt: negative.length === 0 ? undefined : negative.join('\nNegative prompt: ').trim(),
    num_inference_steps: number('Steps', LIMITS.steps),
    ...samplerOf(pairs),
    guidance_scale: number('CFG scale', LIMITS.guidance),
    seed: number('Seed', LIMITS.seed),
    width,
    height,
    model: pairs.get('Model'),
    clip_skip: skip === undefined || skip === 1 ? undefined : skip - 1,
    eta: number('Eta', { min: 0, max: 1 }),
    guidance_rescale: number('CFG Rescale phi', { min: 0, max: 1 }),
    rng: pairs.get('RNG') === 'NV' ? 'philox' : undefined,
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), ...withHashes(prompt.trim(), pairs.get('Lora hashes')) };
}

/**
 * The LoRAs that a prompt's tags call, with the hashes of their files, so that another file of the same name is noticed.
 * A1111 itself writes 12 digits of a hash over the tensors, which says nothing of a whole file: those are passed over.
 */
function withHashes(prompt: string, text: string | undefined): Pick<RequestDraft, 'prompt' | 'loras'> {
  const hashes = new Map(
    Array.from((text ?? '').matchAll(/(?:^|,)\s*([^:,]+): ([0-9a-f]{10})(?=,|$)/g), ([, name, hash]) => [
      name!.toLowerCase(),
      hash!,
    ]),
  );
  if (hashes.size === 0) return { prompt };
  try {
    const taken = takeLoras(prompt);
    const loras = taken.loras.map((lora) => {
      const hash = hashes.get(nameInHashes(lora.file).toLowerCase());
      return hash === undefined ? lora : { ...lora, hash };
    });
    return { prompt: taken.prompt, loras };
  } catch {
    // A tag that cannot be read stays in the prompt, where it is refused by its own words.
    return { prompt };
  }
}

function samplerOf(pairs: ReadonlyMap<string, string>): { sampler?: string; schedule?: string } {
  const name = pairs.get('Sampler');
  if (name === undefined) return {};
  try {
    const { sampler, schedule } = parseSampler(name);
    const type = pairs.get('Schedule type');
    const chosen = type === undefined ? schedule : parseSchedule(type);
    return { sampler, ...(chosen !== undefined && { schedule: chosen }) };
  } catch {
    // A name of theirs that is not here: the model's own sampler draws.
    return {};
  }
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
