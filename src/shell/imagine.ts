/** `darkroom imagine`: pictures without a chat, a queue or a database; the engine runs in this process. */
import { isAbsolute, parse } from 'node:path';
import { loadSettings, type Settings } from '../../config/settings.ts';
import { drawWords, type ListSource, wildcardFolder } from '../choices/choices.ts';
import { type Precision, precisionOf } from '../engine/device.ts';
import { createEngine, type Pipeline } from '../engine/pipeline.ts';
import type { EngineOptions } from '../engine/process/process.ts';
import { engineOptions } from '../engine-options.ts';
import { PictureReader } from '../image/reader.ts';
import type { JobMemory, StageSeconds } from '../job.ts';
import { Catalogue } from '../models/catalogue.ts';
import { Inventory } from '../models/inventory/inventory.ts';
import { chooseControlnets } from '../models/known-controlnets.ts';
import { findLoras } from '../models/lora/known.ts';
import type { ModelSpec } from '../models/spec.ts';
import { findUpscalers } from '../models/upscaler/known.ts';
import {
  type ControlDraft,
  freezeRequest,
  lorasOf,
  noteTriggers,
  parseDraft,
  type RequestDraft,
  requestToJson,
  sizeOfRatio,
  upscalerFilesOf,
} from '../request.ts';
import { sayWords, type Words } from '../sentences.ts';
import { IMAGINE_HELP, type ImagineOptions, readTasks } from './imagine-options.ts';
import { readInputs, withGivenNames } from './inputs.ts';
import { encodeNpy } from './npy.ts';
import { checkOut, planOutput, writeOutput } from './output.ts';
import { createProgress } from './progress.ts';
import { comparable, compareWithGiven, precisionNote } from './remake.ts';
import {
  loraFileOrName,
  loraFiles,
  netName,
  netPathOrName,
  netPaths,
  partFileOrName,
  type Task,
  upscalerFiles,
  vaeFiles,
  withUpscalerNames,
} from './task.ts';
import { DEBUG_HINT, describeOnShell } from './told.ts';
import { asUsage, sayBeside, type Verb } from './verb.ts';

export const imagine: Verb = {
  summary: 'one picture, or many from a file of requests, without a chat',
  help: IMAGINE_HELP,

  async run(args) {
    const { tasks, many, config, ...how } = await readTasks(args);
    checkOut(how.out, tasks.length);
    const { settings } = loadSettings(process.env, config);
    const [options] = await engineOptionsOf(settings, how);
    const device = await comparable(options.device, tasks, how.precision);
    const studio = new Studio(
      { ...options, device },
      {
        nets: netPaths(tasks),
        files: [...loraFiles(tasks), ...vaeFiles(tasks), ...upscalerFiles(tasks)],
        wildcards: wildcardFolder(settings.DARKROOM_WILDCARDS),
      },
    );
    let code = 0;
    try {
      for (const task of tasks) {
        try {
          const result = await studio.make(task, how);
          report(result, how.json);
          if (result.agrees === false) code = 1;
        } catch (error) {
          if (!many) throw asUsage(error);
          code = 1;
          const told = describeOnShell(error, DEBUG_HINT);
          if (how.json) process.stdout.write(`${JSON.stringify({ line: task.line, error: told })}\n`);
          process.stderr.write(`darkroom: request ${task.line}: ${told.message}\n`);
          if (how.debug) console.error(error);
        }
      }
    } finally {
      await studio.close();
    }
    return code;
  },
};

export async function engineOptionsOf(settings: Settings, how: ImagineOptions) {
  try {
    return await engineOptions(settings, { ...how, onSlow: sayBeside });
  } catch (error) {
    throw asUsage(error);
  }
}

export interface Result {
  readonly request: RequestDraft;
  readonly files: readonly string[];
  readonly seeds: readonly number[];
  readonly seconds: StageSeconds;
  readonly model_hash: string;
  /** Of the denoiser. */
  readonly precision: Precision;
  /** What the job took in memory at most, as planned, and what was done so that it fitted. */
  readonly memory?: JobMemory;
  readonly notes: readonly string[];
  /** With --from: whether the pixels are those of the given picture. */
  readonly agrees?: boolean;
  /** Where it does not: the names whose files are others by now. */
  readonly replaced?: readonly string[];
}

/** Makes tasks one after another; the model stays open between those that share it. */
export class Studio {
  readonly #catalogue: Catalogue;
  readonly #options: EngineOptions;
  /** Folders and files of ControlNets that the requests name. */
  readonly #nets: readonly string[];
  /** Files of LoRAs, VAEs and upscalers that they name. */
  readonly #files: readonly string[];
  readonly #wildcards: ListSource;
  readonly #reader = new PictureReader();
  #open: { readonly folder: string; readonly engine: Pipeline } | undefined;

  constructor(
    options: EngineOptions,
    {
      nets,
      files,
      wildcards,
    }: {
      readonly nets: readonly string[];
      readonly files: readonly string[];
      readonly wildcards: ListSource;
    },
  ) {
    this.#catalogue = new Catalogue(options.models, { file: options.index, keeps: false });
    this.#options = options;
    this.#nets = nets;
    this.#files = files;
    this.#wildcards = wildcards;
  }

  async make(task: Task, how: ImagineOptions): Promise<Result> {
    const spec = await this.#catalogue.openNameOrFolder(task.model);
    const drawn = await drawWords(parseDraft(task.draft), this.#wildcards);
    const {
      draft,
      inputs,
      given,
      imageSize,
      notes: read,
    } = await readInputs(drawn.draft, task.base, this.#reader);
    const { controls, notes: followed } = await this.#controls(draft.controls ?? [], task.base, spec);
    const loras = draft.loras?.map((lora) => ({ ...lora, file: loraFileOrName(lora.file, task.base) }));
    const vae = draft.vae && partFileOrName(draft.vae, task.base);
    const inventory = this.#inventory(spec);
    const known = await findLoras(lorasOf({ ...draft, loras }).loras, inventory);
    const named = withUpscalerNames(draft, task.base);
    const { request, notes } = freezeRequest(
      {
        ...named,
        ...(controls.length > 0 && { controls }),
        ...(loras && { loras }),
        ...(vae !== undefined && { vae: isAbsolute(vae) ? parse(vae).name : vae }),
        ...(task.ratio !== undefined && sizeOfRatio(task.ratio, spec.defaults)),
      },
      {
        model: spec.name,
        defaults: spec.defaults,
        loras: known,
        upscalers: await findUpscalers(upscalerFilesOf(named), inventory),
        ...(imageSize !== undefined && { imageSize }),
      },
    );
    const files = await planOutput(task, how, { count: request.numImages, seed: request.seed });
    const engine = await this.#engine(spec);
    const progress = createProgress(how.progress, process.stderr);
    const run = await engine
      .open({ id: 'shell', user: 'shell', request, inputs }, (loading) => progress.load(spec.name, loading))
      .finally(() => progress.loaded());
    try {
      for (let done = false; !done; ) {
        ({ done } = await run.advance(1, ({ step, steps }) => progress.show(step, steps)));
      }
      progress.end();
      const { pictures, notes: told, seconds } = await run.decode();
      const precision = precisionOf(this.#options.device, spec.denoiser);
      for (const [i, { png }] of pictures.entries()) {
        await writeOutput(files.pictures[i]!, png, how.overwrite);
      }
      if (files.latents !== undefined) {
        await writeOutput(files.latents, latentsFile(run.latents()), how.overwrite);
      }
      return {
        request: withGivenNames(requestToJson(request), given),
        files: files.pictures,
        seeds: pictures.map(({ seed }) => seed),
        seconds,
        model_hash: await spec.modelHash(),
        precision,
        ...(run.memory !== undefined && { memory: run.memory }),
        notes: [
          ...[
            ...drawn.notes,
            ...read,
            ...followed,
            ...notes,
            ...noteTriggers(request, triggersIn(inventory)),
            ...told,
          ].map((note) => sayWords('en', note)),
          ...precisionNote(task, precision),
        ],
        ...(task.from !== undefined && (await compareWithGiven(pictures[0]!, task.from, this.#reader))),
      };
    } finally {
      await run.close();
    }
  }

  async close(): Promise<void> {
    await this.#reader.stop();
    await this.#open?.engine.close();
  }

  /** A path is the operator's own; what a name means is found here. */
  async #controls(drafts: readonly ControlDraft[], base: string, spec: ModelSpec) {
    const controls: ControlDraft[] = [];
    const notes: Words[] = [];
    for (const control of drafts) {
      const net = control.controlnet && netPathOrName(control.controlnet, base);
      if (net !== undefined && isAbsolute(net)) {
        controls.push({ ...control, controlnet: netName(net, this.#nets) });
        continue;
      }
      const chosen = await chooseControlnets([control], spec, this.#inventory(spec));
      controls.push(...chosen.controls);
      notes.push(...chosen.notes);
    }
    return { controls, notes };
  }

  /** Where an engine looks for models and what goes with them; what a request names itself comes first. */
  #places({ folder }: Pick<ModelSpec, 'folder'>): string[] {
    return [...this.#files, folder, ...this.#nets, ...this.#options.models];
  }

  #inventory(spec: Pick<ModelSpec, 'folder'>): Inventory {
    return new Inventory(this.#places(spec), { file: this.#options.index, keeps: false });
  }

  async #engine({ folder }: ModelSpec): Promise<Pipeline> {
    if (this.#open?.folder === folder) return this.#open.engine;
    await this.#open?.engine.close();
    const engine = await createEngine({
      ...this.#options,
      models: this.#places({ folder }),
    });
    this.#open = { folder, engine };
    return engine;
  }
}

/** Trigger words by the name of a LoRA. */
const triggersIn = (inventory: Inventory) => (name: string) =>
  inventory.entries('lora').find((entry) => entry.name === name)?.triggerWords ?? [];

function latentsFile(
  latents: readonly { readonly data: Float32Array; readonly dims: readonly number[] }[],
): Uint8Array {
  const [, ...shape] = latents[0]!.dims;
  const size = latents[0]!.data.length;
  const all = new Float32Array(size * latents.length);
  for (const [i, { data }] of latents.entries()) all.set(data, i * size);
  return encodeNpy(all, [latents.length, ...shape]);
}

function report(result: Result, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const note of result.notes) process.stderr.write(`${note}\n`);
  if (result.agrees !== undefined) {
    process.stderr.write(
      result.agrees ? 'The pixels agree.\n' : 'The pixels differ from the given picture.\n',
    );
    for (const name of result.replaced ?? [])
      process.stderr.write(`${name} is another file here than the one that drew the given picture.\n`);
  }
  process.stdout.write(`${result.files.join('\n')}\n`);
}
