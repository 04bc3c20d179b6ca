/** One request to be made, its files found. */
import { basename, isAbsolute, parse, resolve, sep } from 'node:path';
import { EMBEDDED_MODEL } from '../installed-models.ts';
import type { RequestDraft } from '../request.ts';
import { UsageError } from './verb.ts';

export interface Task {
  /** The request's place in its file, from 1. */
  readonly line: number;
  readonly model: string;
  /** Unchecked: what was given, in the fields of docs/interfaces.md, without model and output files. */
  readonly draft: unknown;
  /** Width to height, where the draft has no size. */
  readonly ratio?: number;
  /** Folder that the draft's files are relative to. */
  readonly base: string;
  /** File name of the PNG under --out. */
  readonly output?: string;
  /** File for the final latents, as the shell gave it. */
  readonly latents?: string;
  /** The same as the request gave it, relative to `base`. */
  readonly latentsOutput?: string;
  /** The picture that is made again. */
  readonly from?: string;
  /** Whether it was made in int8, which changes pixels. */
  readonly isInt8?: boolean;
}

/** @param object what a request file holds at `line`; files in it are relative to `base` */
export function taskOf(object: unknown, { line, base }: Pick<Task, 'line' | 'base'>): Task {
  // What is no object is refused, with the others, when its turn comes.
  if (object === null || typeof object !== 'object')
    return { line, model: EMBEDDED_MODEL, draft: object, base };
  const { model, output, latents_output: latentsOutput, ...draft } = object as Record<string, unknown>;
  return {
    line,
    model: typeof model === 'string' ? folderOrName(model, base) : EMBEDDED_MODEL,
    draft: typeof model === 'string' || model === undefined ? draft : { ...draft, model },
    base,
    ...(typeof output === 'string' && { output }),
    ...(typeof latentsOutput === 'string' && { latentsOutput }),
  };
}

/** A folder is relative to the request file; a name has no slash. */
export const folderOrName = (model: string, base: string) =>
  /[/\\]/.test(model) ? resolve(base, model) : model;

/** A ControlNet is a folder, or a file that has an ending; a name has neither. */
export const netPathOrName = (net: string, base: string) =>
  WEIGHTS.test(net) ? resolve(base, net) : folderOrName(net, base);

const WEIGHTS = /\.(safetensors|pt|pth|ckpt|bin)$/i;

/** The ControlNets that drafts name by their paths, each once; what is no draft is looked at when its turn comes. */
export function netPaths(tasks: readonly Task[]): string[] {
  const folders = tasks.flatMap(({ draft, base }) => {
    const controls = (draft as { controls?: unknown } | null)?.controls;
    if (!Array.isArray(controls)) return [];
    return controls.flatMap((control: { controlnet?: unknown } | null) => {
      const net = control?.controlnet;
      const found = typeof net === 'string' ? netPathOrName(net, base) : '';
      return isAbsolute(found) ? [found] : [];
    });
  });
  const paths = [...new Set(folders)];
  requireNames(
    paths.filter((path) => WEIGHTS.test(path)),
    'ControlNet',
  );
  return paths;
}

/** A LoRA's file is relative to the request file; a name has neither a slash nor an ending. */
export const loraFileOrName = (lora: string, base: string) =>
  /[/\\]|\.safetensors$/i.test(lora) ? resolve(base, lora) : lora;

/** The same for a VAE or an upscaler, which have more endings. */
export const partFileOrName = (vae: string, base: string) =>
  /[/\\]/.test(vae) || WEIGHTS.test(vae) ? resolve(base, vae) : vae;

/** The files of VAEs that drafts name, each once. */
export function vaeFiles(tasks: readonly Task[]): string[] {
  const files = tasks.flatMap(({ draft, base }) => {
    const vae = (draft as { vae?: unknown } | null)?.vae;
    const found = typeof vae === 'string' ? partFileOrName(vae, base) : '';
    return isAbsolute(found) ? [found] : [];
  });
  return requireNames([...new Set(files)], 'VAE');
}

/** The places of a draft in which an upscaler is named. */
type UpscalerDraft = Pick<RequestDraft, 'upscaler' | 'hires' | 'upscale_image'>;

/** The files of upscalers that drafts name, each once. */
export function upscalerFiles(tasks: readonly Task[]): string[] {
  const files = tasks.flatMap(({ draft, base }) => {
    const { upscaler, hires, upscale_image: image } = (draft ?? {}) as UpscalerDraft;
    const named: readonly unknown[] = [upscaler, hires?.upscaler, image?.upscaler];
    return named.flatMap((name) => {
      const found = typeof name === 'string' ? partFileOrName(name, base) : '';
      return isAbsolute(found) ? [found] : [];
    });
  });
  return requireNames([...new Set(files)], 'upscaler');
}

/** A draft that calls the files of its upscalers by their names. */
export function withUpscalerNames<Draft extends UpscalerDraft>(draft: Draft, base: string): Draft {
  const nameOf = (given: string) => {
    const file = partFileOrName(given, base);
    return isAbsolute(file) ? parse(file).name : file;
  };
  const renamed = <Part extends { upscaler?: string | undefined }>(part: Part): Part =>
    part.upscaler === undefined ? part : { ...part, upscaler: nameOf(part.upscaler) };
  return {
    ...renamed(draft),
    ...(draft.hires && { hires: renamed(draft.hires) }),
    ...(draft.upscale_image && { upscale_image: renamed(draft.upscale_image) }),
  };
}

/** The files of LoRAs that drafts name, each once. */
export function loraFiles(tasks: readonly Task[]): string[] {
  const files = tasks.flatMap(({ draft, base }) => {
    const loras = (draft as { loras?: unknown } | null)?.loras;
    if (!Array.isArray(loras)) return [];
    return loras.flatMap((lora: { file?: unknown } | null) => {
      const found = typeof lora?.file === 'string' ? loraFileOrName(lora.file, base) : '';
      return isAbsolute(found) ? [found] : [];
    });
  });
  return requireNames([...new Set(files)], 'LoRA');
}

/** A request calls them by their names. */
function requireNames(each: string[], what: string): string[] {
  const names = each.map((file) => basename(file));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return each;
  throw new UsageError(`Two different ${what} files are called ${twice}. Rename one of them.`);
}

/** What a request calls a ControlNet's folder or file: its name, with those above it where another one has that name too. */
export function netName(folder: string, folders: readonly string[]): string {
  const parts = folder.split(sep);
  for (let from = parts.length - 1; from > 0; from--) {
    const name = parts.slice(from).join('/');
    const isAlone = folders.every((other) => other === folder || !isTail(name, other));
    if (isAlone) return name;
  }
  return folder;
}

const isTail = (name: string, folder: string) => `/${folder.split(sep).join('/')}`.endsWith(`/${name}`);
