/** What the small files beside a model say: those of A1111, of Civitai's helpers, and our own of downloads. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../json.ts';
import { civitaiAllows } from '../../licences.ts';
import { CONTROL_KINDS, type ControlKind } from '../../request.ts';
import { bounded, boundedList } from './text.ts';

interface Beside {
  readonly licence?: string;
  /** Whether it is said to allow commercial use. */
  readonly commercial?: boolean;
  readonly baseModel?: string;
  readonly triggerWords?: readonly string[];
  /** What the pictures of a ControlNet show. */
  readonly control?: ControlKind;
}

const LARGEST = 2_000_000;

/** @param names of files in the folder; those that cannot be read say nothing */
export async function readBesides(folder: string, names: readonly string[]): Promise<Beside> {
  let all: Beside = {};
  // Later ones win: what somebody wrote by hand into NAME.json is the nearest to the operator.
  for (const kind of [/source\.json$/, /\.civitai\.info$/i, /^(?!.*source\.json$).*\.json$/i]) {
    const name = names.find((one) => kind.test(one));
    const json = name === undefined ? undefined : await readJson(join(folder, name));
    if (json === undefined) continue;
    const facts = factsOf(json);
    // What an earlier file says of its licence is not said of another one.
    const { commercial: _, ...others } = facts.licence === undefined ? {} : all;
    all = { ...(facts.licence === undefined ? all : others), ...facts };
  }
  return all;
}

function factsOf(json: Readonly<Record<string, unknown>>): Beside {
  // Ours; Civitai's API; A1111's card of a LoRA.
  const licence = bounded(json['licence']);
  const commercial = commercialOf(json);
  const baseModel = bounded(json['base_model'] ?? json['baseModel'] ?? json['sd version']);
  const activation = json['activation text'];
  const listed =
    json['trigger_words'] ?? json['trainedWords'] ?? (typeof activation === 'string' ? [activation] : []);
  const words = Array.isArray(listed) ? boundedList(listed) : [];
  const control = CONTROL_KINDS.find((kind) => kind === json['control']);
  return {
    ...(licence !== undefined && { licence }),
    ...(commercial !== undefined && { commercial }),
    ...(baseModel !== undefined && { baseModel }),
    ...(words.length > 0 && { triggerWords: words }),
    ...(control !== undefined && { control }),
  };
}

/** Ours; of Civitai's API, and as its helpers write it. */
function commercialOf(json: Readonly<Record<string, unknown>>): boolean | undefined {
  const own = json['commercial_use'];
  if (typeof own === 'boolean') return own;
  const { model } = json;
  return civitaiAllows(
    json['allowCommercialUse'] ?? (isRecord(model) ? model['allowCommercialUse'] : undefined),
  );
}

async function readJson(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > LARGEST) return undefined;
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
