/** The options of `darkroom imagine`, as one picture's draft or as a file of them. */
import { EMBEDDED_MODEL } from '../installed-models.ts';
import { CONTROL_KINDS, SAMPLER_NAMES, SCHEDULES } from '../request.ts';
import type { How } from './imagine.ts';
import { readRecipe } from './remake.ts';
import { readRequests } from './request-file.ts';
import { type Task, taskOf } from './task.ts';
import { readNumber, readOptions, UsageError } from './verb.ts';

export const IMAGINE_HELP = `darkroom imagine "PROMPT"
  --model NAME|FOLDER    (default: the embedded model)
  --negative TEXT  --steps N  --guidance G  --guidance-rescale R  --seed N  --size WxH  --count N
  --sampler NAME         ${SAMPLER_NAMES.join(', ')}
  --schedule NAME        ${SCHEDULES.join(', ')}
  --scheduler-config JSON  laid over the model's scheduler_config.json
  --eta X  --clip-skip N  --rng torch|philox
  --image FILE  --strength X   image to image
  --mask FILE            with --image: draws the white part anew
  --mask-blur PIXELS  --keep-unmasked  --only-masked-padding PIXELS
  --control KIND=FILE[@SCALE[:START-END]]   repeatable; ${CONTROL_KINDS.join(', ')}
  --controlnet FOLDER    repeatable, in the order of --control (default: the model's own for that kind)
  --guess-mode           the controls alone say what is drawn
  --hires SCALE          draws a second time over the upscaled picture
  --out FILE|FOLDER      (default: the working folder)
  --json                 one object: request, files, seeds, seconds, model hash
  --latents FILE.npy     also the final latents, float32 [N,C,H,W]
  --progress auto|plain|none  --threads N  --device auto|cpu|webgpu|cuda[:N]
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
  mask: { type: 'string' },
  'mask-blur': { type: 'string' },
  'keep-unmasked': { type: 'boolean' },
  'only-masked-padding': { type: 'string' },
  control: { type: 'string', multiple: true },
  controlnet: { type: 'string', multiple: true },
  'guess-mode': { type: 'boolean' },
  hires: { type: 'string' },
  out: { type: 'string', default: '.' },
  json: { type: 'boolean', default: false },
  latents: { type: 'string' },
  progress: { type: 'string', default: 'auto' },
  threads: { type: 'string' },
  device: { type: 'string' },
  request: { type: 'string' },
  from: { type: 'string' },
} as const;
const LATER = ['lora'];
/** Options that name pictures, which --from needs again: a PNG carries no other picture. */
const PICTURES = ['image', 'mask', 'control', 'controlnet'] as const;
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
  ...PICTURES,
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
        ? [{ ...(await readRecipe(values.from, picturesOf(values))), ...latents }]
        : [{ ...promptTask(prompt!, values), ...latents }];
  return {
    tasks,
    many: values.request !== undefined,
    out: values.out,
    json: values.json,
    progress: values.progress,
    threads: readNumber('threads', values.threads) ?? 0,
    device: values.device,
    debug: values.debug ?? false,
    config: values.config,
  };
}

type Values = Readonly<Partial<Record<keyof typeof OPTIONS, string | boolean | string[]>>>;

function promptTask(prompt: string, values: Values): Task {
  const text = (name: keyof typeof OPTIONS) => values[name] as string | undefined;
  const count = (name: keyof typeof OPTIONS) => readNumber(name, text(name));
  const hires = count('hires');
  const { image, mask_image, controls } = picturesOf(values);
  const draft = {
    prompt,
    negative_prompt: text('negative'),
    num_inference_steps: count('steps'),
    guidance_scale: count('guidance'),
    guidance_rescale: count('guidance-rescale'),
    seed: count('seed'),
    num_images: count('count'),
    sampler: text('sampler'),
    schedule: text('schedule'),
    scheduler_config: readJson('scheduler-config', text('scheduler-config')),
    eta: count('eta'),
    clip_skip: count('clip-skip'),
    rng: text('rng'),
    image,
    strength: count('strength'),
    mask_image,
    mask_blur: count('mask-blur'),
    keep_unmasked: values['keep-unmasked'],
    only_masked_padding: count('only-masked-padding'),
    controls: controls.length === 0 ? undefined : controls,
    guess_mode: values['guess-mode'],
    hires: hires === undefined ? undefined : { scale: hires },
    ...readSize(text('size')),
  };
  const model = text('model') ?? EMBEDDED_MODEL;
  return taskOf({ model, ...withoutGaps(draft) }, { line: 1, base: process.cwd() });
}

/** The pictures of the command line, in the contract's fields. */
export interface GivenPictures {
  readonly image: string | undefined;
  readonly mask_image: string | undefined;
  readonly controls: readonly GivenControl[];
}
export interface GivenControl {
  readonly kind: string;
  readonly image: string;
  readonly controlnet?: string;
  readonly scale?: number;
  readonly start?: number;
  readonly end?: number;
}

function picturesOf(values: Values): GivenPictures {
  const controls = (values.control ?? []) as string[];
  const nets = (values.controlnet ?? []) as string[];
  if (nets.length > controls.length) {
    throw new UsageError(
      `${nets.length} --controlnet, but ${controls.length} --control. Each needs its picture.`,
    );
  }
  return {
    image: values.image as string | undefined,
    mask_image: values.mask as string | undefined,
    controls: controls.map((text, i) => ({
      ...readControl(text),
      ...(nets[i] !== undefined && { controlnet: nets[i] }),
    })),
  };
}

const CONTROL = /^(?<kind>[a-z]+)=(?<image>.+?)(?:@(?<scale>[\d.]+)(?::(?<start>[\d.]+)-(?<end>[\d.]+))?)?$/;

function readControl(text: string): GivenControl {
  const { kind, image, scale, start, end } = CONTROL.exec(text)?.groups ?? {};
  if (kind === undefined || image === undefined) {
    throw new UsageError(
      `--control ${text} is not KIND=FILE[@SCALE[:START-END]]. Try canny=room.png@0.8:0-0.6`,
    );
  }
  return {
    kind,
    image,
    ...(scale !== undefined && { scale: Number(scale) }),
    ...(start !== undefined && end !== undefined && { start: Number(start), end: Number(end) }),
  };
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
