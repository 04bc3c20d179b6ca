/** The models of this machine as the commands see them, and where they lie. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ModelInfo, ModelsPort } from '../commands/ports.ts';
import type { Settings } from '../config/settings.ts';
import { openControlnets } from './engine/control/controls.ts';
import { type DetectorFile, detectorFiles, detectorsOf } from './engine/detected-kinds.ts';
import type { Device } from './engine/device.ts';
import { type MemoryPlan, planMemory, requireFit } from './engine/memory/memory.ts';
import {
  describeUnreadPrompt,
  findInversions,
  NO_INVERSIONS,
  namesCalled,
  type TextReader,
  textReadersOf,
} from './engine/prompt/prompt.ts';
import { bytesToCheck } from './engine/safety/safety.ts';
import { verifyModel } from './engine/verify.ts';
import type { Component } from './graph/component.ts';
import { abilitiesOf } from './models/abilities.ts';
import { Catalogue } from './models/catalogue.ts';
import { inpaintingKin } from './models/families/kin.ts';
import { watchInventory } from './models/inventory/watch.ts';
import { chooseControlnets, fittingControlnets } from './models/known-controlnets.ts';
import { findLoras } from './models/lora/known.ts';
import { vaeNamed, withVae } from './models/other-vae.ts';
import type { LentPart, ModelSpec } from './models/spec.ts';
import { findUpscalers } from './models/upscaler/known.ts';
import type { GenerationRequest } from './request.ts';

/** The model that ships inside; what is drawn with where nobody names another. */
export const EMBEDDED_MODEL = 'mini';

// The package's root is one above src/ in a checkout, two above dist/src/ in a package.
const ROOT = new URL(import.meta.url.endsWith('.ts') ? '../' : '../../', import.meta.url);

/** The operator's folders first, the embedded model always. */
export function modelFolders(configured: readonly string[]): string[] {
  return [...configured, fileURLToPath(new URL(`models/${EMBEDDED_MODEL}`, ROOT))];
}

type FolderSettings = Pick<Settings, 'DARKROOM_MODELS' | 'DARKROOM_DATA'>;

/** Where `darkroom models add` puts models. */
export const downloadFolder = ({ DARKROOM_DATA }: Pick<FolderSettings, 'DARKROOM_DATA'>) =>
  join(DARKROOM_DATA, 'models');

/** Where what is known of the files in them is kept. */
export const indexFile = ({ DARKROOM_DATA }: Pick<FolderSettings, 'DARKROOM_DATA'>) =>
  join(DARKROOM_DATA, 'models.json');

/** All folders that models are found in. */
export const foldersOf = (settings: FolderSettings) =>
  modelFolders([...settings.DARKROOM_MODELS, downloadFolder(settings)]);

export interface InstalledModels extends ModelsPort {
  /**
   * Builds the whole model and plans a picture of it, without loading weights.
   * @throws DarkroomError('not_found' | 'bad_model' | 'unsupported') where it cannot draw
   */
  verify(name: string): Promise<void>;
  /**
   * What a request takes on a device, held against all memory that the device may use.
   * @param isModerated whether something looks at its pictures
   * @throws DarkroomError for a model or a ControlNet that cannot be used
   */
  plan(request: GenerationRequest, device: Device, isModerated?: boolean): Promise<MemoryPlan>;
  /** @param listener called when models come or go, and waited for; @returns what ends that */
  onChange(listener: () => Promise<void>): () => void;
  /**
   * What a device may run: the largest component by itself, as the device holds it, is the least that has to fit. A
   * folder that cannot be opened stays in: whoever asks for it is told why.
   */
  fitting(device: Device): Promise<{
    readonly names: readonly string[];
    readonly tooLarge: readonly { readonly name: string; readonly bytes: number }[];
  }>;
}

interface ModelsOptions {
  /** Where what is known of the files is kept; in memory only where left out. */
  readonly index?: string | undefined;
  /** False for a program that ends soon: it reads no more files than it is asked for. */
  readonly stays?: boolean;
  /** All jobs run on these; where left out nobody here knows them. */
  readonly devices?: readonly Device[];
  /** DARKROOM_CLASSIFIER. */
  readonly classifier?: string | undefined;
  /** DARKROOM_DETECTORS. */
  readonly detectors?: string | undefined;
}

/** Milliseconds that a start waits for files that are not known yet, where they are few; others are read while it runs. */
const START_PATIENCE = 10_000;

/** Each model is opened when it is first named, and again when its files change. Files that come later are found. */
export async function createModels(
  folders: readonly string[],
  { index, stays = true, devices = [], classifier, detectors: folder }: ModelsOptions = {},
): Promise<InstalledModels> {
  const catalogue = new Catalogue(folders, { file: index });
  const { inventory } = catalogue;
  const readers = new WeakMap<ModelSpec, readonly TextReader[]>();
  /** Made once a model: tens of thousands of words and merges must not be read again at each message. */
  const readersOf = (spec: ModelSpec) => {
    const known = readers.get(spec) ?? textReadersOf(spec);
    readers.set(spec, known);
    return known;
  };
  const listeners = new Set<() => Promise<void>>();
  const checkpoints = () => inventory.entries('checkpoint').map(({ name }) => name);
  await inventory.look();
  await Promise.race([inventory.nearlySettled(), sleep(START_PATIENCE, undefined, { ref: false })]);
  let names = checkpoints();

  const announce = async (): Promise<void> => {
    const found = checkpoints();
    if (found.join('\n') === names.join('\n')) return;
    names = found;
    await Promise.all(Array.from(listeners, (listener) => listener()));
  };
  let detectors: readonly DetectorFile[] = [];
  const lookForDetectors = async (): Promise<void> => {
    detectors = await detectorFiles(folder);
  };
  await lookForDetectors();
  const look = async (): Promise<void> => {
    await inventory.look();
    await lookForDetectors();
    await inventory.nearlySettled();
    await announce();
  };
  if (stays) {
    void inventory.settled().then(announce, () => {});
    watchInventory(inventory, look);
  }

  const planFor = async (request: GenerationRequest, device: Device, isModerated: boolean) => {
    const spec = await catalogue.open(request.model);
    const nets = await openControlnets(request, spec, { folders, inventory });
    return {
      ...{ device, nets: nets.map(({ component }) => component), budget: capacityOf(device) },
      beside: isModerated ? await bytesToCheck(classifier, spec, device) : 0,
    };
  };
  const planOn = async (request: GenerationRequest, device: Device, isModerated = false) =>
    planMemory(await catalogue.open(request.model), request, await planFor(request, device, isModerated));

  return {
    names: () => names,
    loraNames: async () => inventory.entries('lora').map(({ name }) => name),
    findLoras: (asked) => findLoras(asked, inventory),
    findUpscalers: (asked) => findUpscalers(asked, inventory),
    async chooseControlnets(model, controls) {
      if (controls.length === 0) return { controls, notes: [] };
      return chooseControlnets(controls, await catalogue.open(model), inventory);
    },
    async embeddingsIn(request) {
      const spec = await catalogue.open(request.model);
      return namesCalled(request, spec, { inventory, readers: readersOf(spec) });
    },
    inpaintingOf: (name) => inpaintingKin(name, inventory.entries('checkpoint')),
    async requireVae(model, vae) {
      await withVae(await catalogue.open(model), await vaeNamed(vae, inventory));
    },
    async lentTo(request) {
      const { lent = new Map<string, LentPart>() } = await catalogue.open(request.model);
      const entries = inventory.entries();
      return Array.from(lent, ([component, { name, path }]) => {
        const part = component === 'vae' ? ('vae' as const) : ('text_encoder' as const);
        const entry = entries.find((one) => one.path === path);
        return { part, kind: entry?.kind ?? part, name: entry?.name ?? name };
        // A VAE that the request names stands in for that one.
      }).filter(({ part }) => part !== 'vae' || request.vae === undefined);
    },
    async detectorsIn(request, pictureOf) {
      // What its JSON file says now.
      await lookForDetectors();
      const kinds = await detectorsOf(request, pictureOf);
      return detectors.flatMap(({ name }) => (kinds.has(name) ? name : []));
    },
    files: () => [...inventory.entries(), ...detectors],
    unread: () => inventory.unread,
    thumbnail: ({ thumbnail }) => readThumbnail(thumbnail),
    async resolve(name = EMBEDDED_MODEL): Promise<ModelInfo> {
      const spec = await catalogue.open(name);
      // What was found only now is announced before a job for it is sent.
      await announce();
      const { defaults, gallery, words, vocabulary, controlnets, licence, commercialUse } = spec;
      const { editsByInstruction } = spec;
      const others = fittingControlnets(spec, inventory).flatMap(({ control }) => control ?? []);
      const controls = [...new Set([...controlnets.keys(), ...others])];
      return {
        ...{ name: spec.name, defaults, gallery, words, vocabulary, controls },
        abilities: abilitiesOf(spec),
        ...(spec.idle === undefined ? {} : { idle: spec.idle }),
        ...(editsByInstruction === undefined ? {} : { editsByInstruction }),
        ...(spec.safetyChecker === undefined ? {} : { hasSafetyChecker: true }),
        ...(licence === undefined ? {} : { licence }),
        ...(commercialUse === undefined ? {} : { commercial: commercialUse }),
      };
    },
    async verify(name) {
      await verifyModel(await catalogue.open(name));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async fitting(device) {
      const capacity = capacityOf(device);
      const sizes = await Promise.all(
        inventory
          .entries('checkpoint')
          .filter(({ name }) => names.includes(name))
          .map(async ({ name, form, parameters }) => {
            // Opening thousands of files would delay the start: one that fits as a whole is left closed.
            if (form === 'file' && 4 * (parameters ?? 0) <= capacity) return { name, bytes: 0 };
            return catalogue.open(name).then(
              (spec) => ({ name, bytes: leastBytes(spec, device) }),
              () => ({ name, bytes: 0 }),
            );
          }),
      );
      const tooLarge = sizes.filter(({ bytes }) => bytes > capacity);
      return { names: names.filter((name) => tooLarge.every((other) => other.name !== name)), tooLarge };
    },
    plan: planOn,
    async requireMemory(request, isModerated = false) {
      const plans = await Promise.all(
        devices.map(async (device) => ({ device, plan: await planOn(request, device, isModerated) })),
      );
      const [roomiest] = plans.sort((a, b) => b.plan.budget! - a.plan.budget!);
      if (roomiest === undefined || plans.some(({ plan }) => plan.fits)) return;
      const how = await planFor(request, roomiest.device, isModerated);
      await requireFit(await catalogue.open(request.model), request, how, roomiest.plan);
    },
    async describeUnread(model, prompt, syntax) {
      const spec = await catalogue.open(model);
      // An embedding takes as many tokens as it has vectors.
      const inversions = syntax === 'plain' ? NO_INVERSIONS : await findInversions([prompt], spec, inventory);
      return describeUnreadPrompt(readersOf(spec), prompt, syntax, inversions);
    },
  };
}

/**
 * Of the largest component's weights, as the device holds them; those that are read in place, or that the CPU can read as
 * they are stored, count as they are stored.
 */
function leastBytes({ textEncoders, denoiser }: ModelSpec, { provider, precision }: Device): number {
  const size = precision === 'float16' ? 2 : 4;
  const stored = ({ tensors }: Component) => tensors.values().reduce((sum, { length }) => sum + length, 0);
  const wide = ({ tensors }: Component) =>
    tensors.values().reduce((sum, { shape }) => sum + size * shape.reduce((a, b) => a * b, 1), 0);
  const held = (part: Component) => (provider === 'cpu' ? Math.min(stored(part), wide(part)) : wide(part));
  const texts = textEncoders.map(({ kind, component }) => (kind === 't5' ? stored : held)(component));
  return Math.max(held(denoiser.component), ...texts);
}

/** All that models and pictures may ever take there. */
const capacityOf = ({ limit, memory }: Device): number => limit ?? memory;

/** Bytes of a picture beside a model. */
const LARGEST_THUMBNAIL = 10_000_000;

async function readThumbnail(path: string | undefined): Promise<Uint8Array | undefined> {
  if (path === undefined) return undefined;
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true || found.size > LARGEST_THUMBNAIL) return undefined;
  return readFile(path).catch(() => undefined);
}
