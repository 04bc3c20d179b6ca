/**
 * The open sessions of all models. Models that have a component in common (one of them with another VAE, or with LoRAs over
 * its denoiser) share what is open of it; the last of them closes it.
 */
import type { Component, Graph } from '../../graph/component.ts';
import { isVaePart } from '../../graph/vae.ts';
import { requireSameFiles } from '../../models/seen.ts';
import type { ComponentName, ModelSpec } from '../../models/spec.ts';
import type { Device } from '../device.ts';
import { openSession, type Session } from '../session.ts';
import { ControlledDenoisers } from './controlled.ts';
import type { Preparing } from './preparing.ts';

/** What a part of a model is made from: models with the same component can run the same session. */
export function componentOf(
  { denoiser, textEncoders, vae, upscaler }: ModelSpec,
  part: ComponentName,
): Component {
  const component =
    part === 'denoiser'
      ? denoiser.component
      : part === 'upscaler'
        ? upscaler
        : isVaePart(part)
          ? vae
          : textEncoders.find(({ name }) => name === part)?.component;
  if (component === undefined) throw new Error(`this model has no ${part}`);
  return component;
}

/** Counts who uses something; the last one closes it. */
interface Borrowed {
  borrowers: number;
  /** Whether a faster session can be opened by now. Who borrowed this one keeps it. */
  isOutdated: boolean;
}

/** One session, opened or being opened. */
export interface OpenPart extends Borrowed {
  readonly session: Promise<Session>;
  /** Whether its weights stay as they are stored, wherever the graph can be run so. */
  readonly asStored: boolean;
  /** Runs under way: only an idle session is closed. */
  runs: number;
  /** Whoever needs it opens it again. */
  isClosed: boolean;
  /** That it took to open. */
  seconds: number;
}

/** How a part is opened. */
interface OpenHow {
  readonly asStored: boolean;
  readonly onRead?: ((share: number) => void) | undefined;
}

interface SharedControlled extends Borrowed {
  readonly asStored: boolean;
  readonly denoisers: ControlledDenoisers;
}

export class Parts {
  readonly #device: Device;
  readonly #preparing: Preparing;
  readonly #open = new Map<Component, Map<ComponentName, OpenPart>>();
  readonly #controlled = new Map<Component, SharedControlled>();

  constructor(device: Device, preparing: Preparing) {
    this.#device = device;
    this.#preparing = preparing;
  }

  /** Each call is ended by one of giveBack. @param graph is called where it is not open yet */
  borrow(component: Component, name: ComponentName, graph: () => Graph, how: OpenHow): OpenPart {
    const part = this.#current(component, name, how.asStored) ?? this.#openPart(component, name, graph, how);
    part.borrowers++;
    return part;
  }

  #current(component: Component, name: ComponentName, asStored: boolean): OpenPart | undefined {
    const part = this.#open.get(component)?.get(name);
    return part?.isOutdated === false && part.asStored === asStored ? part : undefined;
  }

  #openPart(component: Component, name: ComponentName, graph: () => Graph, how: OpenHow): OpenPart {
    const started = performance.now();
    const session = (async () =>
      this.#openGraph(
        graph(),
        [component],
        () => {
          part.isOutdated = true;
        },
        how,
      ))();
    const part: OpenPart = {
      ...{ session, asStored: how.asStored, borrowers: 0, runs: 0 },
      ...{ isOutdated: false, isClosed: false, seconds: 0 },
    };
    const parts = this.#open.get(component) ?? new Map<ComponentName, OpenPart>();
    this.#open.set(component, parts.set(name, part));
    session.then(
      () => {
        part.seconds = (performance.now() - started) / 1000;
      },
      () => this.#remove(part),
    );
    return part;
  }

  /** The last who gives it back closes it. */
  async giveBack(part: OpenPart): Promise<void> {
    part.borrowers--;
    if (part.borrowers === 0) await this.release(part);
  }

  /** Closes it for all who have borrowed it. */
  async release(part: OpenPart): Promise<void> {
    if (part.isClosed) return;
    this.#remove(part);
    await (await part.session.catch(() => undefined))?.close();
  }

  #remove(part: OpenPart): void {
    part.isClosed = true;
    for (const [component, parts] of this.#open) {
      for (const [name, other] of parts) if (other === part) parts.delete(name);
      if (parts.size === 0) this.#open.delete(component);
    }
  }

  /** Denoisers with ControlNets, as borrow. */
  borrowControlled(spec: ModelSpec, asStored: boolean): SharedControlled {
    const { component } = spec.denoiser;
    const known = this.#controlled.get(component);
    const isCurrent = known?.isOutdated === false && known.asStored === asStored;
    const shared: SharedControlled = isCurrent ? known : this.#control(spec, asStored);
    this.#controlled.set(component, shared);
    shared.borrowers++;
    return shared;
  }

  #control(spec: ModelSpec, asStored: boolean): SharedControlled {
    const open = (graph: Graph, components: readonly Component[], onRead: OpenHow['onRead']) =>
      this.#openGraph(
        graph,
        components,
        () => {
          shared.isOutdated = true;
        },
        { asStored, onRead },
      );
    const denoisers = new ControlledDenoisers(spec, this.#device, open);
    const shared: SharedControlled = { denoisers, asStored, borrowers: 0, isOutdated: false };
    return shared;
  }

  async giveBackControlled(shared: SharedControlled): Promise<void> {
    shared.borrowers--;
    if (shared.borrowers > 0) return;
    for (const [component, other] of this.#controlled) {
      if (other === shared) this.#controlled.delete(component);
    }
    await shared.denoisers.close();
  }

  /** @throws FilesChanged where the weights are no longer those that the graph was made for */
  async #openGraph(
    graph: Graph,
    components: readonly Component[],
    whenFaster: () => void,
    how: OpenHow,
  ): Promise<Session> {
    const session = await openSession(graph, this.#device, how);
    try {
      for (const { tensors } of components) await requireSameFiles(tensors.values());
    } catch (error) {
      await session.close();
      throw error;
    }
    if (session.isProvisional) this.#preparing.add(graph, whenFaster);
    return session;
  }
}
