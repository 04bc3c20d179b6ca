/** The sessions of one model: each is opened when it is first needed, then kept until it is released. */
import { DarkroomError } from '../../errors.ts';
import type { Target } from '../../graph/target.ts';
import type { Loading } from '../../job.ts';
import { requireUntouched } from '../../models/seen.ts';
import type { ComponentName, ModelSpec } from '../../models/spec.ts';
import { sentence } from '../../sentences.ts';
import type { Feeds } from '../../tensor.ts';
import type { ControlNet } from '../control/controls.ts';
import { type Device, denoiserTargetOf, type Precision, precisionOf, targetOf } from '../device.ts';
import { denoiserFootprint, type Footprint, footprintOf, heldBytes } from '../memory/memory.ts';
import type { VaeHalf } from '../picture/pictures.ts';
import { type TextEncoders, textEncodersOf } from '../prompt/prompt.ts';
import type { Runner, Session } from '../session.ts';
import { inHalves } from './halves.ts';
import { LoadingWatch } from './loading.ts';
import { componentOf, type OpenPart, Parts } from './parts.ts';
import { Preparing } from './preparing.ts';

/** A call as the session takes it. Nothing in it points back at the run, so a queue may batch several. */
export interface DenoiserCall {
  readonly feeds: Feeds;
  /** What ControlNets take as well; empty where the pass has none. */
  readonly controlFeeds: Feeds;
  /** Whether one of them acts in this call. */
  readonly isControlled: boolean;
  /** Where the feeds hold both halves of guidance: whether each runs by itself, for half the activations. */
  readonly isHalved: boolean;
}

/** What a job needs of a model. */
interface Needs {
  readonly nets?: readonly ControlNet[];
  readonly isTiled: boolean;
  /** Whether it begins with pictures. */
  readonly isEncoding?: boolean;
  /** Bytes that are free beside the job; undefined where nobody knows. */
  readonly spare: number | undefined;
  /** Bytes that open parts hold, where they hold more than their weights. */
  readonly kept?: ReadonlyMap<ComponentName, number> | undefined;
  readonly onLoading?: ((loading: Loading) => void) | undefined;
}

/** The denoiser with ControlNets, among the parts that are opened. */
const CONTROLLED = 'controlled';

interface ComponentsOptions {
  readonly parts?: Parts;
  /** Whether weights stay as they are stored, wherever a graph can be run so. */
  readonly asStored?: boolean;
}

/** A model in use. Sessions of the same component are one and the same for all runs. */
export class Components {
  readonly spec: ModelSpec;
  readonly asStored: boolean;
  readonly #device: Device;
  readonly #parts: Parts;
  readonly #open = new Map<ComponentName, OpenPart>();
  #controlled: ReturnType<Parts['borrowControlled']> | undefined;
  #textEncoders: TextEncoders | undefined;
  /** Who is told what is opened, while a job begins. */
  #watch: LoadingWatch | undefined;
  #closed = false;
  /** Seconds that its sessions took to open, all together. */
  secondsToOpen = 0;

  constructor(
    spec: ModelSpec,
    device: Device,
    { parts = new Parts(device, new Preparing(device)), asStored = false }: ComponentsOptions = {},
  ) {
    this.spec = spec;
    this.#device = device;
    this.#parts = parts;
    this.asStored = asStored;
  }

  /** Whether faster sessions can be opened by now. Runs that have begun keep theirs, so that all calls agree to the bit. */
  get isOutdated(): boolean {
    const open = [...this.#open.values()].filter(({ isClosed }) => !isClosed);
    return this.#controlled?.isOutdated === true || open.some(({ isOutdated }) => isOutdated);
  }

  /** What its denoiser computes in. */
  get precision(): Precision {
    return precisionOf(this.#device, this.spec.denoiser);
  }

  get textEncoders(): TextEncoders {
    this.#textEncoders ??= textEncodersOf(this.spec, (name) => this.session(name));
    return this.#textEncoders;
  }

  /**
   * Opens a component. It may be released between two runs; the next one opens it again.
   * @throws DarkroomError('bad_model') where the weights cannot be read; the next call tries again
   */
  async session(name: ComponentName): Promise<Runner> {
    const { outputNames } = await this.#borrow(name).session;
    return {
      outputNames,
      run: (feeds, outputs) => this.#run(name, (session) => session.run(feeds, outputs)),
    };
  }

  async vaeEncoder(isTiled: boolean): Promise<VaeHalf> {
    if (!isTiled) return { whole: await this.session('vaeEncoder') };
    const tiled = {
      first: await this.session('vaeEncoderFirst'),
      last: await this.session('vaeEncoderLast'),
    };
    return { tiled, scale: this.spec.vaeScaleFactor };
  }

  async vaeDecoder(isTiled: boolean): Promise<VaeHalf> {
    if (!isTiled) return { whole: await this.session('vaeDecoder') };
    const tiled = {
      first: await this.session('vaeDecoderFirst'),
      last: await this.session('vaeDecoderLast'),
    };
    return { tiled, scale: this.spec.vaeScaleFactor };
  }

  /** Opens what every picture of a request needs. */
  async openAll({ nets = [], isTiled, isEncoding = false, spare, kept, onLoading }: Needs): Promise<void> {
    const { spec } = this;
    const names: ComponentName[] = [
      ...spec.textEncoders.map(({ name }) => name),
      ...(nets.length === 0 ? (['denoiser'] as const) : []),
      ...(isTiled ? (['vaeDecoderFirst', 'vaeDecoderLast'] as const) : (['vaeDecoder'] as const)),
      ...(spec.upscaler === undefined ? [] : (['upscaler'] as const)),
      ...(!isEncoding
        ? []
        : isTiled
          ? (['vaeEncoderFirst', 'vaeEncoderLast'] as const)
          : (['vaeEncoder'] as const)),
    ];
    await this.#makeRoom(names, nets, { spare, kept });
    await this.#watched(names, { nets, onLoading }, async () => {
      for (const name of names) await this.#borrow(name).session;
      if (nets.length > 0) await this.#openControlled(nets);
    });
  }

  /**
   * Where parts are loaded in turn: runs the encoders, then opens the denoiser. Whoever waits is told how far both are, and
   * not only in the first call that something is done.
   */
  async openInTurn<Result>(
    { nets = [], onLoading }: Pick<Needs, 'nets' | 'onLoading'>,
    encode: () => Promise<Result>,
  ): Promise<Result> {
    await this.release();
    const encoders = this.spec.textEncoders.map(({ name }) => name);
    const names = nets.length === 0 ? [...encoders, 'denoiser' as const] : encoders;
    return this.#watched(names, { nets, onLoading }, async () => {
      const encoded = await encode();
      if (nets.length > 0) await this.#openControlled(nets);
      else await this.#borrow('denoiser').session;
      return encoded;
    });
  }

  /** Tells how far those are that are opened under `work`. */
  async #watched<Result>(
    names: readonly ComponentName[],
    { nets, onLoading }: { readonly nets: readonly ControlNet[]; readonly onLoading: Needs['onLoading'] },
    work: () => Promise<Result>,
  ): Promise<Result> {
    const missing = names.filter((name) => !this.#isOpen(name));
    const bytes = new Map<string, number>(
      missing.map((name) => [name, footprintOf(this.spec, name, this.#targetOf(name)).stored]),
    );
    if (nets.length > 0 && !this.#controlledDenoisers().has(nets)) {
      const components = nets.map(({ component }) => component);
      const { stored } = denoiserFootprint(this.spec, components, this.#targetOf('denoiser'));
      bytes.set(CONTROLLED, stored);
    }
    this.#watch = new LoadingWatch(bytes, onLoading);
    try {
      return await work();
    } finally {
      this.#watch = undefined;
    }
  }

  async #openControlled(nets: readonly ControlNet[]): Promise<void> {
    const watch = this.#watch;
    await this.#controlledDenoisers().open(nets, (share) => watch?.read(CONTROLLED, share));
    watch?.read(CONTROLLED, 1);
  }

  /** Closes what earlier jobs have left open and this one does not need, where there is no room beside it. */
  async #makeRoom(
    names: readonly ComponentName[],
    nets: readonly ControlNet[],
    { spare = Number.POSITIVE_INFINITY, kept }: Pick<Needs, 'spare' | 'kept'>,
  ): Promise<void> {
    const idle = [...this.#open].filter(
      ([name, { runs, borrowers, isClosed }]) =>
        runs === 0 && borrowers === 1 && !isClosed && !names.includes(name),
    );
    const footprints: [ComponentName, Footprint][] = [
      ...idle.map(([name]): [ComponentName, Footprint] => [
        name,
        footprintOf(this.spec, name, this.#targetOf(name)),
      ]),
      ...(this.#controlled?.denoisers.idle(nets) ?? []).map((of): [ComponentName, Footprint] => [
        'denoiser',
        of,
      ]),
    ];
    const held = await Promise.all(
      footprints.map(async ([name, of]) => {
        const { weights, keepsMemory } = await heldBytes(of, this.#device, this.asStored);
        return keepsMemory ? Math.max(weights, kept?.get(name) ?? 0) : weights;
      }),
    );
    if (held.reduce((sum, bytes) => sum + bytes, 0) <= spare) return;
    await Promise.all(idle.map(([, part]) => this.#parts.release(part)));
    await this.#controlled?.denoisers.release(nets);
  }

  #targetOf(name: ComponentName): Target {
    return name === 'denoiser' ? denoiserTargetOf(this.#device, this.spec.denoiser) : targetOf(this.#device);
  }

  /**
   * One call of the denoiser. Where no ControlNet acts in it, the graph without them is run if it is open already.
   * @returns its prediction, [B, C, h, w]
   */
  async denoise(call: DenoiserCall, nets: readonly ControlNet[]): Promise<Float32Array> {
    const { output } = this.spec.denoiser.names;
    const needsNets = call.isControlled || (nets.length > 0 && !this.#isOpen('denoiser'));
    const run = needsNets
      ? async (feeds: Feeds) => (await this.#controlledDenoisers().run(nets, feeds, output)).data
      : async (feeds: Feeds) =>
          (await this.#run('denoiser', (session) => session.run(feeds, [output])))[output]!.data;
    const feeds = needsNets ? { ...call.feeds, ...call.controlFeeds } : call.feeds;
    return call.isHalved ? await inHalves(feeds, run) : await run(feeds);
  }

  /**
   * For whoever has drawn with it: what was drawn of files that were written to meanwhile is worth nothing.
   * @throws FilesChanged
   */
  async requireUntouched(nets: readonly ControlNet[] = []): Promise<void> {
    const { denoiser, textEncoders, vae, upscaler } = this.spec;
    const parts = [denoiser, ...textEncoders, ...nets].map(({ component }) => component);
    for (const { tensors } of upscaler === undefined ? [...parts, vae] : [...parts, vae, upscaler])
      await requireUntouched(tensors.values());
  }

  /** Closes all sessions that no run is using now, also for other models that share them; whoever needs one opens it again. */
  async release(): Promise<void> {
    const idle = [...this.#open.values()].filter(({ runs }) => runs === 0);
    await Promise.all(idle.map((part) => this.#parts.release(part)));
    await this.#controlled?.denoisers.release();
  }

  /** Sessions asked for later are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map((part) => this.#parts.giveBack(part)));
    if (this.#controlled !== undefined) await this.#parts.giveBackControlled(this.#controlled);
    this.#controlled = undefined;
  }

  #isOpen(name: ComponentName): boolean {
    return this.#open.get(name)?.isClosed === false;
  }

  #borrow(name: ComponentName): OpenPart {
    this.#requireOpen();
    const known = this.#open.get(name);
    if (known?.isClosed === false) return known;
    const { spec } = this;
    const graph = () => spec.graph(name, this.#targetOf(name));
    const watch = this.#watch;
    const how = { asStored: this.asStored, onRead: (share: number) => watch?.read(name, share) };
    const part = this.#parts.borrow(componentOf(spec, name), name, graph, how);
    this.#open.set(name, part);
    part.session.then(
      () => {
        this.secondsToOpen += part.seconds;
        watch?.read(name, 1);
      },
      () => {},
    );
    return part;
  }

  #controlledDenoisers() {
    this.#requireOpen();
    this.#controlled ??= this.#parts.borrowControlled(this.spec, this.asStored);
    return this.#controlled.denoisers;
  }

  #requireOpen(): void {
    if (this.#closed) throw new DarkroomError('cancelled', sentence('engine.stopped'));
  }

  async #run<Result>(name: ComponentName, work: (session: Session) => Promise<Result>): Promise<Result> {
    const part = this.#borrow(name);
    part.runs++;
    try {
      return await work(await part.session);
    } finally {
      part.runs--;
    }
  }
}
