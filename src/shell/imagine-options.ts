/** The options of `darkroom imagine`, as one picture's draft or as a file of them. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EMBEDDED_MODEL } from '../installed-models.ts';
import { SAMPLERS, SCHEDULES } from '../request.ts';
import type { How } from './imagine.ts';
import { readRecipe } from './remake.ts';
import { readNumber, readOptions, UsageError } from './verb.ts';

/** One request to be made, its files found. */
export interface Task {
  /** The request's place in its file, from 1. */
  readonly line: number;
  readonly model: string;
  /** Unchecked: what was given, in the contract's fields, without model and files. */
  readonly draft: unknown;
  readonly image?: string;
  /** File name of the PNG under --out. */
  readonly output?: string;
  /** File for the final latents. */
  readonly latents?: string;
  /** The picture that is made again. */
  readonly from?: string;
}

export const IMAGINE_HELP = `darkroom imagine "PROMPT"
  --model NAME|FOLDER    (default: the embedded model)
  --negative TEXT  --steps N  --guidance G  --guidance-rescale R  --seed N  --size WxH  --count N
  --sampler NAME         ${SAMPLERS.join(', ')}
  --schedule NAME        ${SCHEDULES.join(', ')}
  --scheduler-config JSON  laid over the model's scheduler_config.json
  --eta X  --clip-skip N  --rng torch
  --image FILE  --strength X   image to image
  --out FILE|FOLDER      (default: the working folder)
  --json                 one object: request, files, seeds, seconds, model hash
  --latents FILE.npy     also the final latents, float32 [N,C,H,W]
  --progress auto|plain|none  --threads N  --device auto|cpu
darkroom imagine --request FILE|-      one JSON object, or one a line; files are relative to FILE
darkroom imagine --from PICTURE.png    makes it again and says whether the pixels agree`;

const OPTIONS = {
  model: { type: 'string' },
  negative: { type: 'string' },
  steps: { type: 'string' },
  guidance: { type: 'string' },
  'guidance-rescale': { type: 'string' },
  seed: { type: 'string' },
  size: { type: 'string' },
  count: { type: 'string' },
  sampler: { type: 'string' },
  schedule: { type: 'string' },
  'scheduler-config': { type: 'string' },
  eta: { type: 'string' },
  'clip-skip': { type: 'string' },
  rng: { type: 'string' },
  image: { type: 'string' },
  strength: { type: 'string' },
  out: { type: 'string', default: '.' },
  json: { type: 'boolean', default: false },
  latents: { type: 'string' },
  progress: { type: 'string', default: 'auto' },
  threads: { type: 'string' },
  device: { type: 'string', default: 'auto' },
  request: { type: 'string' },
  from: { type: 'string' },
} as const;
const LATER = ['mask', 'control', 'controlnet', 'lora'];
/** Options that say how, not what: they go with --request and --from too. */
const HOW = new Set([
  'out',
  'json',
  'latents',
  'progress',
  'threads',
  'device',
  'config',
  'debug',
  'request',
  'from',
  'image',
]);

export interface Order extends How {
  readonly tasks: readonly Task[];
  /** Several requests: one that fails does not end the others. */
  readonly many: boolean;
  readonly config: string | undefined;
}

/** @throws UsageError */
export async function readTasks(args: readonly string[]): Promise<Order> {
  const { values, positionals } = readOptions(args, OPTIONS, { positionals: 1, later: LATER });
  oneOf('progress', values.progress, ['auto', 'plain', 'none']);
  oneOf('device', values.device, ['auto', 'cpu']);
  const [prompt] = positionals;
  const sources = [prompt !== undefined, values.request !== undefined, values.from !== undefined];
  if (sources.filter(Boolean).length !== 1) {
    throw new UsageError('Give one of: a prompt in quotes, --request FILE, --from PICTURE.png.');
  }
  if (prompt === undefined) {
    const stray = Object.keys(values).find((name) => !HOW.has(name));
    if (stray !== undefined)
      throw new UsageError(`--${stray} does not go with --request or --from: the request says it.`);
  }
  const latents = values.latents === undefined ? {} : { latents: values.latents };
  const tasks =
    values.request !== undefined
      ? await readRequests(values.request)
      : values.from !== undefined
        ? [{ ...(await readRecipe(values.from, values.image)), ...latents }]
        : [{ ...promptTask(prompt!, values), ...latents }];
  return {
    tasks,
    many: values.request !== undefined,
    out: values.out,
    json: values.json,
    progress: values.progress,
    threads: readNumber('threads', values.threads) ?? 0,
    debug: values.debug ?? false,
    config: values.config,
  };
}

type Values = Readonly<Partial<Record<keyof typeof OPTIONS, string | boolean>>>;

function promptTask(prompt: string, values: Values): Task {
  const text = (name: keyof typeof OPTIONS) => values[name] as string | undefined;
  const draft = {
    prompt,
    negative_prompt: text('negative'),
    num_inference_steps: readNumber('steps', text('steps')),
    guidance_scale: readNumber('guidance', text('guidance')),
    guidance_rescale: readNumber('guidance-rescale', text('guidance-rescale')),
    seed: readNumber('seed', text('seed')),
    num_images: readNumber('count', text('count')),
    sampler: text('sampler'),
    schedule: text('schedule'),
    scheduler_config: readJson('scheduler-config', text('scheduler-config')),
    eta: readNumber('eta', text('eta')),
    clip_skip: readNumber('clip-skip', text('clip-skip')),
    rng: text('rng'),
    image: text('image'),
    strength: readNumber('strength', text('strength')),
    ...readSize(text('size')),
  };
  const image = text('image');
  return {
    line: 1,
    model: text('model') ?? EMBEDDED_MODEL,
    draft: withoutGaps(draft),
    ...(image !== undefined && { image }),
  };
}

async function readRequests(file: string): Promise<Task[]> {
  const text =
    file === '-'
      ? await readStdin()
      : await readFile(file, 'utf8').catch((cause: unknown) => {
          throw new UsageError(`The request file ${file} cannot be read. Check its path.`, { cause });
        });
  const base = file === '-' ? process.cwd() : dirname(resolve(file));
  return parseObjects(text).map((object, i) => requestTask(object, i + 1, base));
}

function requestTask(object: unknown, line: number, base: string): Task {
  // What is no object is refused, with the others, when its turn comes.
  if (object === null || typeof object !== 'object') return { line, model: EMBEDDED_MODEL, draft: object };
  const { model, output, latents_output: latents, ...draft } = object as Record<string, unknown>;
  const image = 'image' in draft ? draft['image'] : undefined;
  return {
    line,
    model: typeof model === 'string' ? modelPath(model, base) : EMBEDDED_MODEL,
    draft: typeof model === 'string' || model === undefined ? draft : { ...draft, model },
    ...(typeof image === 'string' && { image: resolve(base, image) }),
    ...(typeof output === 'string' && { output }),
    ...(typeof latents === 'string' && { latents: resolve(base, latents) }),
  };
}

/** A folder is relative to the request file; a name has no slash. */
const modelPath = (model: string, base: string) => (/[/\\]/.test(model) ? resolve(base, model) : model);

/** One object over many lines, or one a line. */
function parseObjects(text: string): unknown[] {
  try {
    const whole: unknown = JSON.parse(text);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line, i) => {
        try {
          return JSON.parse(line) as unknown;
        } catch (cause) {
          throw new UsageError(`Request ${i + 1} is not JSON: ${line.slice(0, 60)}`, { cause });
        }
      });
  }
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function readSize(size: string | undefined): { width: number; height: number } | undefined {
  if (size === undefined) return undefined;
  const found = /^(\d+)x(\d+)$/i.exec(size);
  if (found === null) throw new UsageError(`--size ${size} is not WIDTHxHEIGHT. Try 256x256.`);
  return { width: Number(found[1]), height: Number(found[2]) };
}

function readJson(name: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`--${name} is not JSON: ${text}`, { cause });
  }
}

function oneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value))
    throw new UsageError(`--${name} ${value} is not known. Use ${allowed.join(', ')}.`);
}

const withoutGaps = (draft: object) =>
  Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
