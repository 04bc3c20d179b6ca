/** What other programs write into a picture about how they made it, as a draft as far as it goes. */
import { SAMPLER_NAMES } from '../diffusion/samplers/index.ts';
import { SCHEDULES } from '../diffusion/schedule.ts';
import { isRecord } from '../json.ts';
import { draftOfParameters } from './a1111.ts';
import type { RequestDraft } from './fields.ts';
import { LIMITS } from './limits.ts';

type Json = Readonly<Record<string, unknown>>;

export interface OtherRecipe {
  /** Of the program, for a sentence. */
  readonly program: string;
  readonly draft: RequestDraft;
}

/** @param texts of a picture by their keywords; EXIF's comment is `parameters` */
export function readOtherRecipe(texts: ReadonlyMap<string, string>): OtherRecipe | undefined {
  const parameters = texts.get('parameters') ?? '';
  const own = draftOfParameters(parameters);
  if (own !== undefined) return { program: 'A1111', draft: own };
  const sources = [
    ['Fooocus', parameters, ofFooocus],
    ['InvokeAI', texts.get('invokeai_metadata'), ofInvokeAi],
    ['NovelAI', texts.get('Comment'), ofNovelAi],
    ['ComfyUI', texts.get('prompt'), ofComfyUi],
  ] as const;
  for (const [program, text, read] of sources) {
    const json = parse(text);
    const draft = json && read(json);
    if (draft !== undefined) return { program, draft };
  }
  return undefined;
}

/** Far more than any of them writes. */
const MAX_JSON = 1_000_000;

function parse(text: string | undefined): Json | undefined {
  if (text === undefined || text.length > MAX_JSON || !text.trimStart().startsWith('{')) return undefined;
  try {
    // ComfyUI writes NaN, which JSON does not have.
    const json: unknown = JSON.parse(text.replaceAll(/\bNaN\b/g, 'null'));
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

interface Values {
  readonly prompt: unknown;
  readonly negative: unknown;
  readonly steps: unknown;
  readonly guidance: unknown;
  readonly seed: unknown;
  readonly width: unknown;
  readonly height: unknown;
  readonly sampler: unknown;
  readonly schedule: unknown;
  readonly model: unknown;
}

/** Values that cannot be used are left out: the model's own defaults hold. */
function draftOf(values: Values): RequestDraft | undefined {
  const { prompt, negative, seed } = values;
  if (typeof prompt !== 'string') return undefined;
  const within = (value: unknown, { min, max }: { readonly min: number; readonly max: number }) =>
    typeof value === 'number' && value >= min && value <= max ? value : undefined;
  const whole = (value: unknown, range: { readonly min: number; readonly max: number }) =>
    Number.isInteger(value) ? within(value, range) : undefined;
  const [width, height] = [whole(values.width, LIMITS.size), whole(values.height, LIMITS.size)];
  const draft: Partial<Record<keyof RequestDraft, unknown>> = {
    negative_prompt: typeof negative === 'string' && negative !== '' ? negative : undefined,
    num_inference_steps: whole(values.steps, LIMITS.steps),
    guidance_scale: within(values.guidance, LIMITS.guidance),
    // torch reads the lowest 32 bits of a seed.
    seed:
      Number.isSafeInteger(Number(seed)) && Number(seed) >= 0
        ? Number(seed) % (LIMITS.seed.max + 1)
        : undefined,
    ...samplerOf(String(values.sampler ?? ''), String(values.schedule ?? '')),
    ...(width !== undefined && height !== undefined && { width, height }),
    model: typeof values.model === 'string' ? values.model : undefined,
  };
  const given = Object.entries(draft).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), prompt };
}

const SAMPLERS: ReadonlyMap<string, string> = new Map([
  ['euler_ancestral', 'euler_a'],
  ['dpm_2', 'dpm2'],
  ['dpm_2_ancestral', 'dpm2_a'],
  ['kdpm_2', 'dpm2'],
  ['kdpm_2_a', 'dpm2_a'],
  ['uni_pc', 'unipc'],
  ['uni_pc_bh2', 'unipc'],
]);

/** By the names of k-diffusion, with the marks that the programs put around them. */
function samplerOf(name: string, schedule: string) {
  const plain = name.toLowerCase().replace(/^k_/, '').replace(/_gpu$/, '');
  // InvokeAI's mark for Karras sigmas.
  const isKarras = plain.endsWith('_k');
  const stem = isKarras ? plain.slice(0, -2) : plain;
  const sampler = SAMPLERS.get(stem) ?? stem;
  const wanted = isKarras ? 'karras' : schedule.toLowerCase();
  return {
    sampler: SAMPLER_NAMES.find((known) => known === sampler),
    schedule: SCHEDULES.find((known) => known === wanted),
  };
}

function ofFooocus(json: Json): RequestDraft | undefined {
  const [, width, height] = /(\d+)\D+(\d+)/.exec(String(json['resolution'] ?? '')) ?? [];
  return draftOf({
    prompt: json['prompt'],
    negative: json['negative_prompt'],
    steps: json['steps'],
    guidance: json['guidance_scale'],
    seed: json['seed'],
    width: Number(width),
    height: Number(height),
    sampler: json['sampler'],
    schedule: json['scheduler'],
    model: json['base_model'],
  });
}

function ofInvokeAi(json: Json): RequestDraft | undefined {
  const model = isRecord(json['model']) ? (json['model']['name'] ?? json['model']['model_name']) : undefined;
  return draftOf({
    prompt: json['positive_prompt'],
    negative: json['negative_prompt'],
    steps: json['steps'],
    guidance: json['cfg_scale'],
    seed: json['seed'],
    width: json['width'],
    height: json['height'],
    sampler: json['scheduler'],
    schedule: undefined,
    model,
  });
}

function ofNovelAi(json: Json): RequestDraft | undefined {
  return draftOf({
    prompt: json['prompt'],
    negative: json['uc'],
    steps: json['steps'],
    guidance: json['scale'],
    seed: json['seed'],
    width: json['width'],
    height: json['height'],
    sampler: json['sampler'],
    schedule: json['noise_schedule'],
    model: undefined,
  });
}

/** The graph that made the picture: the first sampler node, and what its inputs lead back to. */
function ofComfyUi(graph: Json): RequestDraft | undefined {
  const nodes = Object.values(graph).filter(isRecord);
  const sampler = nodes.find(({ class_type: type }) => /^KSampler/.test(String(type)));
  const inputs = inputsOf(sampler);
  if (inputs === undefined) return undefined;
  const latents = inputsOf(follow(graph, inputs['latent_image']));
  return draftOf({
    prompt: textOf(graph, inputs['positive']),
    negative: textOf(graph, inputs['negative']),
    steps: inputs['steps'],
    guidance: inputs['cfg'],
    seed: inputs['seed'] ?? inputs['noise_seed'],
    width: latents?.['width'],
    height: latents?.['height'],
    sampler: inputs['sampler_name'],
    schedule: inputs['scheduler'],
    model: nodes.map((node) => inputsOf(node)?.['ckpt_name']).find((name) => name !== undefined),
  });
}

const inputsOf = (node: unknown): Json | undefined =>
  isRecord(node) && isRecord(node['inputs']) ? node['inputs'] : undefined;

/** An input is a value, or a link: [id of a node, which of its outputs]. */
function follow(graph: Json, link: unknown): unknown {
  const id = Array.isArray(link) ? String(link[0]) : undefined;
  return id !== undefined && Object.hasOwn(graph, id) ? graph[id] : undefined;
}

/** Nodes between a sampler and the text that it is given. */
const MAX_LINKS = 20;

function textOf(graph: Json, link: unknown): string | undefined {
  let at = link;
  for (let i = 0; i < MAX_LINKS; i++) {
    const inputs = inputsOf(follow(graph, at));
    if (inputs === undefined) return undefined;
    for (const key of ['text', 'text_g', 'string', 'value']) {
      if (typeof inputs[key] === 'string') return inputs[key];
    }
    at = inputs['conditioning'] ?? inputs['conditioning_1'] ?? inputs['positive'] ?? inputs['text'];
  }
  return undefined;
}
