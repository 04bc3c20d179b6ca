/** The options of `darkroom imagine`, as one picture's draft or as a file of them. */

import { parseValues } from '../../commands/command.ts';
import type { DraftValues } from '../../commands/draft.ts';
import { imagine } from '../../commands/imagine.ts';
import { readLine } from '../../commands/line.ts';
import { EMBEDDED_MODEL } from '../installed-models.ts';
import {
  CONTROL_KINDS,
  draftOfOptions,
  FIELD_OPTIONS,
  type FieldOption,
  type OptionType,
  parseRatio,
  type RequestDraft,
} from '../request.ts';
import { sayIn } from '../sentences.ts';
import { givenPictures, type PictureOptions } from './given-pictures.ts';
import type { OutputOptions } from './output.ts';
import { PROGRESS_STYLES, type ProgressStyle } from './progress.ts';
import { readRecipe } from './remake.ts';
import { readRequests } from './request-file.ts';
import { type Task, taskOf } from './task.ts';
import { asUsage, readNumber, readOptions, UsageError } from './verb.ts';

const HINTS: Readonly<Record<OptionType, string>> = {
  integer: 'N',
  number: 'X',
  text: 'TEXT',
  word: 'TEXT',
  choice: 'NAME',
  switch: '',
};
/** Column at which the descriptions of options begin. */
const COLUMN = 30;

function helpLine({ names, type, hint = HINTS[type], description, choices = [] }: FieldOption): string[] {
  const flags = names.map((name) => `--${name}`).join(', ');
  const known = choices.length > 0 ? [`${' '.repeat(COLUMN)}${choices.join(', ')}`] : [];
  const head = `  ${flags} ${hint}`;
  const words = sayIn('en')(description);
  if (head.length >= COLUMN) return [head, `${' '.repeat(COLUMN)}${words}`, ...known];
  return [`${head.padEnd(COLUMN)}${words}`, ...known];
}

export const IMAGINE_HELP = `darkroom imagine "PROMPT" [options]
${FIELD_OPTIONS.flatMap(helpLine).join('\n')}
  --ar W:H                    Width to height; the area stays that of the model.
  --image FILE                The picture to start from.
  --mask FILE                 With --image: the white part is redrawn.
  --reference FILE            Repeatable: pictures that a model such as FLUX.2 klein edits from.
  --control KIND=FILE[@SCALE[:START-END]]
                              Repeatable; ${CONTROL_KINDS.join(', ')}
  --controlnet NAME|PATH      Repeatable, in the order of --control: a name, a folder or a file; default: the model's
                              own for that kind, or one of the models' folders that is named after it.
  --out FILE.png|FOLDER       Default: the working folder.
  --overwrite                 Replaces files that exist.
  --json                      One object: request, files, seeds, seconds, model hash.
  --latents FILE.npy          Also the final latents, float32 [N,C,H,W].
  --progress auto|plain|json|none
                              On stderr; json: an object a line, while a large model loads and after each step.
  --threads N  --device auto|cpu|webgpu[:N]|cuda[:N]
  --precision float32|int8|float16
                              int8 on a CPU: faster where it has AMX or VNNI; float16 on WebGPU: half the memory.
                              Both change pictures a little.
darkroom imagine --request FILE|-      One JSON object, or one a line; files are relative to FILE.
darkroom imagine --from PICTURE.png    Makes the picture again and says whether the pixels agree.`;

const OWN = {
  ar: { type: 'string' },
  image: { type: 'string' },
  mask: { type: 'string' },
  reference: { type: 'string', multiple: true },
  control: { type: 'string', multiple: true },
  controlnet: { type: 'string', multiple: true },
  lora: { type: 'string', multiple: true },
  out: { type: 'string', default: '.' },
  overwrite: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  latents: { type: 'string' },
  progress: { type: 'string', default: 'auto' },
  threads: { type: 'string' },
  device: { type: 'string' },
  precision: { type: 'string' },
  request: { type: 'string' },
  from: { type: 'string' },
} as const;
const OF_FIELDS = Object.fromEntries(
  FIELD_OPTIONS.flatMap(({ names, type }) =>
    names.map((name) => [name, { type: type === 'switch' ? ('boolean' as const) : ('string' as const) }]),
  ),
);
/** Values of the fields' options are taken by fieldValues; the others have their types here. */
const OPTIONS = { ...OF_FIELDS, ...OWN } as typeof OWN;
/** Options that say what is drawn: a request file and a picture's recipe say it themselves. */
const SAID_BY_REQUEST = new Set([...Object.keys(OF_FIELDS), 'ar']);

/** How pictures are made and written, not what they show. */
export interface ImagineOptions extends OutputOptions {
  readonly json: boolean;
  readonly progress: ProgressStyle;
  readonly threads: number;
  /** `--device`; DARKROOM_DEVICES holds where it is left out. */
  readonly device: string | undefined;
  /** `--precision`; DARKROOM_PRECISION holds where it is left out. */
  readonly precision: string | undefined;
  readonly debug: boolean;
}

export interface Order extends ImagineOptions {
  readonly tasks: readonly Task[];
  /** Several requests: one that fails does not end the others. */
  readonly many: boolean;
  readonly config: string | undefined;
}

/** @throws UsageError */
export async function readTasks(args: readonly string[]): Promise<Order> {
  const { values, positionals } = readOptions(args, OPTIONS, { positionals: 1 });
  const progress = oneOf('progress', values.progress, PROGRESS_STYLES);
  const [prompt] = positionals;
  const sources = [prompt !== undefined, values.request !== undefined, values.from !== undefined];
  if (sources.filter(Boolean).length !== 1) {
    throw new UsageError('Give one of: a prompt in quotes, --request FILE, --from PICTURE.png.');
  }
  if (prompt === undefined) {
    const stray = Object.keys(values).find((name) => SAID_BY_REQUEST.has(name));
    if (stray !== undefined)
      throw new UsageError(`--${stray} does not go with --request or --from: the request says it.`);
  }
  const latents = values.latents === undefined ? {} : { latents: values.latents };
  const tasks =
    values.request !== undefined
      ? await readRequests(values.request)
      : values.from !== undefined
        ? [{ ...(await readRecipe(values.from, givenPictures(values))), ...latents }]
        : [{ ...promptTask(prompt!, values), ...latents }];
  return {
    tasks,
    many: values.request !== undefined,
    out: values.out,
    overwrite: values.overwrite,
    json: values.json,
    progress,
    threads: readNumber('threads', values.threads) ?? 0,
    device: values.device,
    precision: values.precision,
    debug: values.debug ?? false,
    config: values.config,
  };
}

function promptTask(prompt: string, values: PictureOptions & { readonly ar?: string | undefined }): Task {
  const { image, mask_image, reference_images: references, controls } = givenPictures(values);
  const pictures = {
    ...{ image, mask_image },
    reference_images: references.length === 0 ? undefined : references,
    controls: controls.length === 0 ? undefined : controls,
  };
  const typed = wordsOf(prompt);
  const own = fieldsOf(values as Readonly<Record<string, unknown>>);
  const { model = EMBEDDED_MODEL, ...draft } = { ...typed.draft, ...own };
  const task = taskOf({ ...draft, ...withoutGaps(pictures), model }, { line: 1, base: process.cwd() });
  const ar = values.ar ?? typed.ar;
  if (ar === undefined) return task;
  if ('width' in draft) throw new UsageError('--size and --ar both set the size. Leave one out.');
  return { ...task, ratio: asUsageOf(() => parseRatio(ar)) };
}

/** Flags may stand in the quoted prompt too, as in a chat. */
function wordsOf(line: string): { readonly draft: Partial<RequestDraft>; readonly ar: string | undefined } {
  return asUsageOf(() => {
    const { values } = readLine(imagine, line);
    const { prompt = '', ar, pose, ...rest }: DraftValues = parseValues(imagine, values, 'web');
    const chatOnly = (['style', 'region', 'control', 'draft'] as const).find(
      (name) => rest[name] !== undefined,
    );
    if (chatOnly !== undefined)
      throw new UsageError(`--${chatOnly} does not stand in a prompt on the shell.`);
    const controls = pose === undefined ? {} : { controls: [{ kind: 'openpose' as const, image: pose }] };
    return { draft: { ...draftOfOptions(rest), ...controls, prompt }, ar };
  });
}

/** The part of a draft that the fields' options say. */
function fieldsOf(values: Readonly<Record<string, unknown>>) {
  const typed = FIELD_OPTIONS.flatMap(({ names, type, spelling }) => {
    const [given, again] = names.filter((name) => values[name] !== undefined);
    if (given === undefined) return [];
    if (again !== undefined) throw new UsageError(`--${given} and --${again} are one option. Give one.`);
    const text = String(values[given]);
    return [[names[0], optionValue(given, type, type === 'integer' ? (spelling?.(text) ?? text) : text)]];
  });
  return asUsageOf(() => draftOfOptions(Object.fromEntries(typed)));
}

function optionValue(name: string, type: OptionType, text: string): string | number {
  if (type === 'integer' || type === 'number') return readNumber(name, text)!;
  return type === 'switch' ? 'on' : text;
}

/** What cannot be read is wrong usage. */
function asUsageOf<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asUsage(error);
  }
}

function oneOf<Value extends string>(name: string, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} ${value} is not known. Use ${allowed.join(', ')}.`);
}

const withoutGaps = (draft: object) =>
  Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
