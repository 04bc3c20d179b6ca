/** The sessions of one model: each is opened when it is first needed, then kept until it is released. */
import { DarkroomError } from '../../errors.ts';
import type { Graph } from '../../graph/component.ts';
import type { Target } from '../../graph/target.ts';
import type { Loading } from '../../job.ts';
import type { ComponentName, ModelSpec } from '../../models/spec.ts';
import { sentence } from '../../sentences.ts';
import type { Feeds } from '../../tensor.ts';
import type { ControlNet } from '../control/controls.ts';
import { type Device, denoiserTargetOf, type Precision, precisionOf, targetOf } from '../device.ts';
import { footprintOf } from '../memory/memory.ts';
import type { VaeHalf } from '../picture/pictures.ts';
import { type TextEncoders, textEncodersOf } from '../prompt/prompt.ts';
import { openSession, type Runner, type Session } from '../session.ts';
import { ControlledDenoisers } from './controlled.ts';
import { inHalves } from './halves.ts';
import { LoadingWatch } from './loading.ts';
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

interface Open {
  readonly session: Promise<Session>;
  /** Runs it, and opens it again where it was released meanwhile. */
  readonly runner: Promise<Runner>;
  /** Runs under way: only an idle session is closed. */
  runs: number;
}

/** A model in use. Sessions of the same component are one and the same for all runs. */
export class Components {
  readonly spec: ModelSpec;
  readonly #device: Device;
  readonly #sessions = new Map<ComponentName, Open>();
  readonly #controlled: ControlledDenoisers;
  readonly #preparing: Preparing;
  #textEncoders: TextEncoders | undefined;
  #closed = false;
  /** Seconds that its sessions took to open, all together. */
  secondsToOpen = 0;
  /** Whether faster sessions can be opened by now. Runs that have begun keep theirs, so that all calls agree to the bit. */
  isOutdated = false;

  constructor(spec: ModelSpec, device: Device, preparing = new Preparing(device)) {
    this.spec = spec;
    this.#device = device;
    this.#preparing = preparing;
    this.#controlled = new ControlledDenoisers(spec.denoiser, device, (graph) => this.#openGraph(graph));
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
    return await this.#open(name).runner;
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

  /** Opens what every picture of a request needs; the VAE's encoder is opened where it starts from a picture. */
  async openAll(
    nets: readonly ControlNet[],
    isTiled: boolean,
    onLoading?: (loading: Loading) => void,
  ): Promise<void> {
    const { spec } = this;
    const names: ComponentName[] = [
      ...spec.textEncoders.map(({ name }) => name),
      ...(nets.length === 0 ? (['denoiser'] as const) : []),
      ...(isTiled ? (['vaeDecoderFirst', 'vaeDecoderLast'] as const) : (['vaeDecoder'] as const)),
      ...(spec.upscaler === undefined ? [] : (['upscaler'] as const)),
    ];
    const missing = names.filter((name) => !this.#sessions.has(name));
    const bytes = missing.map((name) => footprintOf(spec, name, this.#targetOf(name)).stored);
    const watch = new LoadingWatch(bytes, onLoading);
    for (const [i, name] of missing.entries()) {
      await this.#open(name, (share) => watch.read(i, share)).session;
      watch.read(i, 1);
    }
    if (nets.length > 0) await this.#controlled.open(nets);
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
    const needsNets = call.isControlled || (nets.length > 0 && !this.#sessions.has('denoiser'));
    const run = needsNets
      ? async (feeds: Feeds) => (await this.#controlled.run(nets, feeds, output)).data
      : async (feeds: Feeds) =>
          (await this.#run('denoiser', (session) => session.run(feeds, [output])))[output]!.data;
    const feeds = needsNets ? { ...call.feeds, ...call.controlFeeds } : call.feeds;
    return call.isHalved ? await inHalves(feeds, run) : await run(feeds);
  }

  /** Closes all sessions that no run is using now; whoever needs one opens it again. */
  async release(): Promise<void> {
    const idle = [...this.#sessions].filter(([, { runs }]) => runs === 0);
    for (const [name] of idle) this.#sessions.delete(name);
    await closeAll(idle.map(([, open]) => open));
    await this.#controlled.release();
  }

  /** Sessions asked for later are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#sessions.values()];
    this.#sessions.clear();
    await closeAll(all);
    await this.#controlled.close();
  }

  #open(name: ComponentName, onRead?: (share: number) => void): Open {
    if (this.#closed) throw new DarkroomError('cancelled', sentence('engine.stopped'));
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const opening = (async () => {
      const started = performance.now();
      const session = await this.#openGraph(this.spec.graph(name, this.#targetOf(name)), onRead);
      this.secondsToOpen += (performance.now() - started) / 1000;
      return session;
    })();
    const runner = opening.then(
      ({ outputNames }): Runner => ({
        outputNames,
        run: (feeds, outputs) => this.#run(name, (session) => session.run(feeds, outputs)),
      }),
    );
    runner.catch(() => {});
    const open = { session: opening, runner, runs: 0 };
    this.#sessions.set(name, open);
    opening.catch(() => this.#sessions.delete(name));
    return open;
  }

  async #openGraph(graph: Graph, onRead?: (share: number) => void): Promise<Session> {
    const session = await openSession(graph, this.#device, { onRead });
    if (session.isMapped) {
      this.#preparing.add(graph, () => {
        this.isOutdated = true;
      });
    }
    return session;
  }

  async #run<Result>(name: ComponentName, work: (session: Session) => Promise<Result>): Promise<Result> {
    const open = this.#open(name);
    open.runs++;
    try {
      return await work(await open.session);
    } finally {
      open.runs--;
    }
  }
}

async function closeAll(opened: readonly Open[]): Promise<void> {
  for (const session of await Promise.allSettled(opened.map((open) => open.session))) {
    if (session.status === 'fulfilled') await session.value.close();
  }
}
