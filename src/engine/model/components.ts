/** The sessions of one model: each is opened when it is first needed, then kept. */
import { DarkroomError } from '../../errors.ts';
import { textEncoderGraph } from '../../graph/clip.ts';
import type { Graph } from '../../graph/component.ts';
import { sd3TransformerGraph } from '../../graph/mmdit.ts';
import { t5EncoderGraph } from '../../graph/t5.ts';
import { unetGraph } from '../../graph/unet.ts';
import { vaeDecoderGraph, vaeEncoderGraph } from '../../graph/vae.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { Feeds } from '../../tensor.ts';
import type { ControlNet } from '../control/controlnets.ts';
import type { Device } from '../device.ts';
import { type TextEncoders, textEncodersOf } from '../prompt/text-encoders.ts';
import { openSession, type Session } from '../session.ts';
import { ControlledDenoisers } from './controlled.ts';

const TEXT_ENCODERS = ['textEncoder', 'textEncoder2', 'textEncoder3'] as const;
export type ComponentName = (typeof TEXT_ENCODERS)[number] | 'denoiser' | 'vaeEncoder' | 'vaeDecoder';

function build(name: ComponentName, spec: ModelSpec): Graph {
  switch (name) {
    case 'textEncoder':
      return textGraph(spec, 0);
    case 'textEncoder2':
      return textGraph(spec, 1);
    case 'textEncoder3':
      return textGraph(spec, 2);
    case 'denoiser': {
      const { kind, component } = spec.denoiser;
      return kind === 'unet' ? unetGraph(component) : sd3TransformerGraph(component);
    }
    case 'vaeEncoder':
      return vaeEncoderGraph(spec.vae);
    case 'vaeDecoder':
      return vaeDecoderGraph(spec.vae);
  }
}

function textGraph({ textEncoders, name }: ModelSpec, index: number): Graph {
  const encoder = textEncoders[index];
  if (encoder === undefined) throw new DarkroomError('internal', `${name} has no text encoder ${index + 1}.`);
  return encoder.kind === 't5' ? t5EncoderGraph(encoder.component) : textEncoderGraph(encoder.component);
}

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
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #controlled: ControlledDenoisers;
  #textEncoders: TextEncoders | undefined;
  #closed = false;

  constructor(spec: ModelSpec, device: Device) {
    this.spec = spec;
    this.#device = device;
    this.#controlled = new ControlledDenoisers(spec.denoiser.component, device);
  }

  get textEncoders(): TextEncoders {
    this.#textEncoders ??= textEncodersOf(this.spec, (name) => this.session(name));
    return this.#textEncoders;
  }

  /** @throws DarkroomError('bad_model') where the weights cannot be read; the next call tries again */
  session(name: ComponentName): Promise<Session> {
    return this.#open(name, () => build(name, this.spec));
  }

  /** Opens what every picture of a request needs; the VAE's encoder is opened where it starts from a picture. */
  async openAll(nets: readonly ControlNet[]): Promise<void> {
    for (const index of this.spec.textEncoders.keys()) await this.session(TEXT_ENCODERS[index]!);
    if (nets.length === 0) await this.session('denoiser');
    else await this.#controlled.open(nets);
    await this.session('vaeDecoder');
  }

  /**
   * One call of the denoiser. Where no ControlNet acts in it, the UNet alone is run if it is open already.
   * @returns its prediction, [B, C, h, w]
   */
  async denoise(call: DenoiserCall, nets: readonly ControlNet[]): Promise<Float32Array> {
    const isAlone = nets.length === 0 || (!call.isControlled && this.#sessions.has('denoiser'));
    if (!isAlone) {
      const feeds = { ...call.feeds, ...call.controlFeeds };
      return (await this.#controlled.run(nets, feeds, 'out_sample')).data;
    }
    const session = await this.session('denoiser');
    const output = this.spec.denoiser.kind === 'unet' ? 'out_sample' : 'out_hidden_states';
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

  async #open(key: string, graph: () => Graph): Promise<Session> {
    if (this.#closed) throw new DarkroomError('cancelled', 'The engine was stopped.');
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const opening = (async () => openSession(graph(), this.#device))();
    this.#sessions.set(key, opening);
    opening.catch(() => this.#sessions.delete(key));
    return opening;
  }
}
