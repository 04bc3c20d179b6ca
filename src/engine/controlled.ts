/** UNets with ControlNets in one graph, a few kept open: each holds the whole UNet once more. */
import { DarkroomError } from '../errors.ts';
import type { Component } from '../graph/component.ts';
import { unetGraph } from '../graph/unet.ts';
import type { ControlNet } from './controlnets.ts';
import type { Device } from './device.ts';
import { type Feeds, openSession, type Session, type Tensor } from './session.ts';

/** Combinations of nets that stay open. */
const KEPT = 2;

interface Kept {
  readonly session: Promise<Session>;
  /** Calls under way: only an idle session is closed. */
  calls: number;
  isDropped: boolean;
}

export class ControlledDenoisers {
  readonly #unet: Component;
  readonly #device: Device;
  /** By the nets' folders, least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #closed = false;

  constructor(unet: Component, device: Device) {
    this.#unet = unet;
    this.#device = device;
  }

  async open(nets: readonly ControlNet[]): Promise<void> {
    await this.#take(nets).session;
  }

  async run(nets: readonly ControlNet[], feeds: Feeds, output: string): Promise<Tensor> {
    const kept = this.#take(nets);
    kept.calls++;
    try {
      const session = await kept.session;
      return (await session.run(feeds, [output]))[output]!;
    } finally {
      kept.calls--;
      await closeIdle(kept);
    }
  }

  /** Sessions asked for later are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#kept.values()];
    this.#kept.clear();
    for (const kept of all) await drop(kept);
  }

  #take(nets: readonly ControlNet[]): Kept {
    if (this.#closed) throw new DarkroomError('cancelled', 'The engine was stopped.');
    const key = nets.map(({ folder }) => folder).join('\n');
    const kept = this.#kept.get(key) ?? this.#make(key, nets);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept;
  }

  #make(key: string, nets: readonly ControlNet[]): Kept {
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size < KEPT) break;
      this.#kept.delete(oldest);
      drop(kept).catch(() => {});
    }
    const components = nets.map(({ component }) => component);
    const session = (async () => openSession(unetGraph(this.#unet, components), this.#device))();
    session.catch(() => this.#kept.delete(key));
    return { session, calls: 0, isDropped: false };
  }
}

async function drop(kept: Kept): Promise<void> {
  kept.isDropped = true;
  await closeIdle(kept);
}

async function closeIdle({ session, calls, isDropped }: Kept): Promise<void> {
  if (isDropped && calls === 0) await (await session.catch(() => undefined))?.close();
}
