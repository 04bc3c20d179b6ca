/** Denoisers with ControlNets in one graph, a few kept open: each holds a second copy of the denoiser. */
import { DarkroomError } from '../../errors.ts';
import type { Component, Graph } from '../../graph/component.ts';
import type { Target } from '../../graph/target.ts';
import { Lru } from '../../lru.ts';
import type { ModelSpec } from '../../models/spec.ts';
import { sentence } from '../../sentences.ts';
import type { Feeds, Tensor } from '../../tensor.ts';
import type { ControlNet } from '../control/controls.ts';
import { type Device, denoiserTargetOf } from '../device.ts';
import { denoiserFootprint, type Footprint } from '../memory/memory.ts';
import type { Session } from '../session.ts';

/** Combinations of ControlNets that stay open. */
const KEPT = 2;

/** @param onRead is told which share of the files has been read */
type OpenGraph = (
  graph: Graph,
  components: readonly Component[],
  onRead: OnRead | undefined,
) => Promise<Session>;
type OnRead = (share: number) => void;

interface Kept {
  readonly nets: readonly ControlNet[];
  readonly session: Promise<Session>;
  /** Calls under way: only an idle session is closed. */
  calls: number;
}

export class ControlledDenoisers {
  readonly #spec: Pick<ModelSpec, 'denoiser' | 'graph'>;
  readonly #device: Device;
  /** By the ControlNets' ids. */
  readonly #kept = new Lru<Kept>({ limit: KEPT, isIdle: ({ calls }) => calls === 0, onDrop: closeSession });
  readonly #openGraph: OpenGraph;
  #closed = false;

  constructor(spec: Pick<ModelSpec, 'denoiser' | 'graph'>, device: Device, open: OpenGraph) {
    this.#spec = spec;
    this.#device = device;
    this.#openGraph = open;
  }

  async open(nets: readonly ControlNet[], onRead?: OnRead): Promise<void> {
    await this.#use(nets, async () => {}, onRead);
  }

  /** Whether they are open, or being opened. */
  has(nets: readonly ControlNet[]): boolean {
    return this.#kept.get(keyOf(nets)) !== undefined;
  }

  async run(nets: readonly ControlNet[], feeds: Feeds, output: string): Promise<Tensor> {
    return this.#use(nets, async (session) => (await session.run(feeds, [output]))[output]!);
  }

  /** What those take up that no call is using now. @param except ControlNets that are needed */
  idle(except: readonly ControlNet[]): Footprint[] {
    const target = this.#target();
    return this.#kept
      .idle()
      .filter(({ nets }) => keyOf(nets) !== keyOf(except))
      .map(({ nets }) => denoiserFootprint(this.#spec, componentsOf(nets), target));
  }

  /** Closes those that no call is using now. @param except ControlNets that are needed */
  async release(except: readonly ControlNet[] = []): Promise<void> {
    const needed = keyOf(except);
    const idle = this.#kept.drop(({ nets }) => keyOf(nets) !== needed);
    await Promise.all(idle.map(closeSession));
  }

  /** Sessions asked for later are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#kept.clear().map(closeSession));
  }

  async #use<Result>(
    nets: readonly ControlNet[],
    work: (session: Session) => Promise<Result>,
    onRead?: OnRead,
  ): Promise<Result> {
    if (this.#closed) throw new DarkroomError('cancelled', sentence('engine.stopped'));
    const key = keyOf(nets);
    const kept = this.#kept.get(key) ?? { nets, session: this.#make(nets, onRead), calls: 0 };
    kept.calls++;
    this.#kept.set(key, kept);
    try {
      return await work(await kept.session);
    } catch (error) {
      // One that could not be opened is tried again at the next call.
      kept.session.catch(() => this.#kept.delete(key));
      throw error;
    } finally {
      kept.calls--;
      this.#kept.trim();
    }
  }

  async #make(nets: readonly ControlNet[], onRead: OnRead | undefined): Promise<Session> {
    const components = componentsOf(nets);
    const graph = this.#spec.denoiser.graph(components, this.#target());
    return this.#openGraph(graph, [this.#spec.denoiser.component, ...components], onRead);
  }

  #target(): Target {
    return denoiserTargetOf(this.#device, this.#spec.denoiser);
  }
}

const keyOf = (nets: readonly ControlNet[]): string => nets.map(({ id }) => id).join('\n\n');
const componentsOf = (nets: readonly ControlNet[]) => nets.map(({ component }) => component);

async function closeSession({ session }: Kept): Promise<void> {
  await (await session.catch(() => undefined))?.close();
}
