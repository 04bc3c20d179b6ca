/** The sessions of one model: each is opened when it is first needed, then kept. */
import { DarkroomError } from '../../errors.ts';
import type { ComponentName, ModelSpec } from '../../models/spec.ts';
import type { Feeds } from '../../tensor.ts';
import type { ControlNet } from '../control/controls.ts';
import { type Device, targetOf } from '../device.ts';
import { type TextEncoders, textEncodersOf } from '../prompt/prompt.ts';
import { openSession, type Session } from '../session.ts';
import { ControlledDenoisers } from './controlled.ts';

/** A call as the session takes it. Nothing in it points back at the run, so a queue may batch several. */
export interface DenoiserCall {
  readonly feeds: Feeds;
  /** What ControlNets take as well; empty where the pass has none. */
  readonly controlFeeds: Feeds;
  /** Whether one of them acts in this call. */
  readonly isControlled: boolean;
}

/** A model in use. Sessions of the same component are one and the same for all runs. */
export class Components {
  readonly spec: ModelSpec;
  readonly #device: Device;
  readonly #sessions = new Map<ComponentName, Promise<Session>>();
  readonly #controlled: ControlledDenoisers;
  #textEncoders: TextEncoders | undefined;
  #closed = false;

  constructor(spec: ModelSpec, device: Device) {
    this.spec = spec;
    this.#device = device;
    this.#controlled = new ControlledDenoisers(spec.denoiser, device);
  }

  get textEncoders(): TextEncoders {
    this.#textEncoders ??= textEncodersOf(this.spec, (name) => this.session(name));
    return this.#textEncoders;
  }

  /** @throws DarkroomError('bad_model') where the weights cannot be read; the next call tries again */
  async session(name: ComponentName): Promise<Session> {
    if (this.#closed) throw new DarkroomError('cancelled', 'The engine was stopped.');
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const opening = (async () => openSession(this.spec.graph(name, targetOf(this.#device)), this.#device))();
    this.#sessions.set(name, opening);
    opening.catch(() => this.#sessions.delete(name));
    return opening;
  }

  /** Opens what every picture of a request needs; the VAE's encoder is opened where it starts from a picture. */
  async openAll(nets: readonly ControlNet[]): Promise<void> {
    for (const { name } of this.spec.textEncoders) await this.session(name);
    if (nets.length === 0) await this.session('denoiser');
    else await this.#controlled.open(nets);
    await this.session('vaeDecoder');
    if (this.spec.upscaler !== undefined) await this.session('upscaler');
  }

  /**
   * One call of the denoiser. Where no ControlNet acts in it, the graph without them is run if it is open already.
   * @returns its prediction, [B, C, h, w]
   */
  async denoise(call: DenoiserCall, nets: readonly ControlNet[]): Promise<Float32Array> {
    const { output } = this.spec.denoiser.names;
    const needsNets = call.isControlled || (nets.length > 0 && !this.#sessions.has('denoiser'));
    if (needsNets) {
      return (await this.#controlled.run(nets, { ...call.feeds, ...call.controlFeeds }, output)).data;
    }
    const session = await this.session('denoiser');
    return (await session.run(call.feeds, [output]))[output]!.data;
  }

  /** Sessions asked for later are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of await Promise.allSettled(sessions)) {
      if (session.status === 'fulfilled') await session.value.close();
    }
    await this.#controlled.close();
  }
}
