/** What the operator says of a single file, in NAME.json beside it. Other programs keep words of their own there. */
import { dirname, join, parse } from 'node:path';
import { z } from 'zod';
import { DarkroomError } from '../../errors.ts';
import { isRecord } from '../../json.ts';
import { FEW_STEPS, type FewSteps } from '../../request.ts';
import { parsePythonJson } from '../python-json.ts';
import type { SeenFiles } from '../seen.ts';
import { readSmallText } from '../small-file.ts';

/** What a denoiser predicts: the noise, or the velocity (Salimans and Ho 2022). */
export type PredictionType = 'epsilon' | 'v_prediction';

export interface Beside {
  readonly predictionType?: PredictionType;
  readonly zeroTerminalSnr?: boolean;
  /** What it was distilled to; null where somebody says that it was not. */
  readonly fewSteps?: FewSteps | null;
  /** What Civitai calls the model that it was made from: `SDXL Lightning`. */
  readonly baseModel?: string;
  /** Of the schedule of a flow model whose file does not tell it: 6 makes a Z-Image the base model rather than Turbo. */
  readonly shift?: number;
  /** Whether a FLUX.2 klein was distilled to a few steps without guidance; false makes it the base model. */
  readonly distilled?: boolean;
  /** A VAE file of the models' folders, by name, where the file lacks one. */
  readonly vae?: string;
  /** A model of the catalogue whose text encoders stand in for those that the file lacks. */
  readonly textEncoders?: string;
  /** The keys of darkroom.json that it has. */
  readonly card?: Readonly<Record<string, unknown>>;
}

const CARD_KEYS = [
  ...['defaults', 'draft', 'latent_rgb', 'gallery', 'words', 'vocabulary'],
  ...['licence', 'commercial_use'],
];

/** What A1111 writes for a VAE where nobody chose one. */
const UNCHOSEN = ['automatic', 'none'];

const schema = z.object({
  prediction_type: z.enum(['epsilon', 'v_prediction']).optional(),
  zero_terminal_snr: z.boolean().optional(),
  few_steps: z.enum([...FEW_STEPS, 'none']).optional(),
  shift: z.number().positive().max(100).optional(),
  distilled: z.boolean().optional(),
  vae: z.string().max(200).optional(),
  text_encoders: z.string().max(200).optional(),
});

/** Words of NAME.json that only some families know, as they stand there. */
export const OF_FAMILIES = {
  predictionType: 'prediction_type',
  zeroTerminalSnr: 'zero_terminal_snr',
  shift: 'shift',
  distilled: 'distilled',
} as const satisfies Partial<Record<keyof Beside, string>>;

/** A word that a family reads. */
export type FamilyWord = keyof typeof OF_FAMILIES;

/** A1111 takes NAME.vae.safetensors beside NAME.safetensors for its VAE. */
export const VAE_ENDINGS = ['.vae.safetensors', '.vae.pt', '.vae.ckpt'];

export const nameOfBeside = (file: string): string => `${parse(file).name}.json`;

/**
 * @param file the checkpoint, as the operator's folder names it
 * @throws DarkroomError('bad_model') naming the key
 */
export async function readBeside(file: string, seen: SeenFiles): Promise<Beside> {
  const [json, yaml] = [nameOfBeside(file), `${parse(file).name}.yaml`].map((name) =>
    join(dirname(file), name),
  ) as [string, string];
  const label = nameOfBeside(file);
  const text = await readSmallText(json, seen, label);
  const own = text === undefined ? {} : parseJson(text, label);
  const parsed = schema.safeParse(own);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new DarkroomError('bad_model', `${label}: ${path.join('.')}: ${message}.`);
  }
  const {
    prediction_type: predictionType,
    zero_terminal_snr: zeroTerminalSnr,
    few_steps: fewSteps,
    shift,
    distilled,
    vae,
    text_encoders,
  } = parsed.data;
  const card = Object.fromEntries(Object.entries(own).filter(([key]) => CARD_KEYS.includes(key)));
  const stated = predictionType ?? (await fromYaml(yaml, seen));
  const baseModel = await baseModelOf(file, seen);
  return {
    ...(stated !== undefined && { predictionType: stated }),
    ...(zeroTerminalSnr !== undefined && { zeroTerminalSnr }),
    ...(fewSteps !== undefined && { fewSteps: fewSteps === 'none' ? null : fewSteps }),
    ...(baseModel !== undefined && { baseModel }),
    ...(shift !== undefined && { shift }),
    ...(distilled !== undefined && { distilled }),
    ...(vae !== undefined && !UNCHOSEN.includes(vae.toLowerCase()) && { vae }),
    ...(text_encoders !== undefined && { textEncoders: text_encoders }),
    ...(Object.keys(card).length > 0 && { card }),
  };
}

function parseJson(text: string, label: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (cause) {
    throw new DarkroomError('bad_model', `${label} is not valid JSON.`, { cause });
  }
  if (!isRecord(value)) throw new DarkroomError('bad_model', `${label} is not a JSON object.`);
  return value;
}

/** latent-diffusion's own configuration, which A1111 reads beside a checkpoint: `parameterization: "v"`. */
async function fromYaml(path: string, seen: SeenFiles): Promise<PredictionType | undefined> {
  const text = await readSmallText(path, seen, parse(path).base);
  const said =
    text === undefined ? undefined : /^\s*parameterization:\s*["']?(v|eps)["']?\s*(#.*)?$/m.exec(text)?.[1];
  return said === undefined ? undefined : said === 'v' ? 'v_prediction' : 'epsilon';
}

/** Of the files that Civitai's helpers and our own downloads leave; what is no such file says nothing. */
async function baseModelOf(file: string, seen: SeenFiles): Promise<string | undefined> {
  const { dir, name } = parse(file);
  for (const [ending, key] of [
    ['civitai.info', 'baseModel'],
    ['source.json', 'base_model'],
  ] as const) {
    try {
      const text = await readSmallText(join(dir, `${name}.${ending}`), seen, name);
      const said =
        text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown> | null)?.[key];
      if (typeof said === 'string') return said.slice(0, 100);
    } catch {}
  }
  return undefined;
}
