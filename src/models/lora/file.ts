/** A LoRA's file as it lies on the disk: its tensors, and what it says of itself. Only the header is read. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { StoredTensor } from '../../graph/component.ts';
import { isRecord } from '../../json.ts';
import { readWeights } from '../weights.ts';

export interface LoraFile {
  /** As sentences name it: the file's name without its ending. */
  readonly name: string;
  /** Real path. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Words of whoever wrote the file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** PEFT keeps alpha outside the tensors: of a module, by its name without a prefix; undefined where it says nothing. */
  alphaOf(module: string): number | undefined;
}

/** PEFT's adapter_config.json is a few kilobytes. */
const MAX_CONFIG_BYTES = 1_000_000;

/** @throws DarkroomError('bad_model') for a file that is damaged or of another format */
export async function openLora(
  file: string,
  name = basename(file).replace(/\.[^.]+$/, ''),
): Promise<LoraFile> {
  const { tensors, metadata } = await readWeights(file);
  const settings = peftSettings(metadata.get('lora_adapter_metadata')) ?? (await besideIt(file));
  return { name, file, tensors, metadata, alphaOf: (module) => settings?.(module) };
}

type Settings = (module: string) => number | undefined;

async function besideIt(file: string): Promise<Settings | undefined> {
  const path = join(dirname(file), 'adapter_config.json');
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size === 0 || size > MAX_CONFIG_BYTES) return undefined;
  const config = parse(await readFile(path, 'utf8'));
  return config && ((module) => alphaIn(config, module));
}

/** diffusers writes the settings of all parts into the header, each behind the part's name: `unet.lora_alpha`. */
function peftSettings(text: string | undefined): Settings | undefined {
  const all = text === undefined || text.length > MAX_CONFIG_BYTES ? undefined : parse(text);
  if (all === undefined) return undefined;
  return (module) => {
    const part = /^(?:unet|transformer|text_encoder(?:_\d)?)(?=\.)/.exec(module)?.[0] ?? 'transformer';
    const own = Object.entries(all).flatMap(([key, value]) =>
      key.startsWith(`${part}.`) ? [[key.slice(part.length + 1), value] as const] : [],
    );
    return alphaIn(Object.fromEntries(own), module);
  };
}

function alphaIn(config: Readonly<Record<string, unknown>>, module: string): number | undefined {
  const alpha = patternValue(config['alpha_pattern'], module) ?? config['lora_alpha'];
  if (typeof alpha !== 'number') return undefined;
  const rank = patternValue(config['rank_pattern'], module) ?? config['r'];
  // rsLoRA divides by the root of the rank.
  return config['use_rslora'] === true && typeof rank === 'number' ? alpha * Math.sqrt(rank) : alpha;
}

/** PEFT's patterns are ends of names: the one that fits closest. */
function patternValue(patterns: unknown, module: string): unknown {
  if (!isRecord(patterns)) return undefined;
  const found = Object.keys(patterns)
    .filter((pattern) => module === pattern || module.endsWith(`.${pattern}`))
    .sort((a, b) => b.length - a.length)[0];
  return found === undefined ? undefined : patterns[found];
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
