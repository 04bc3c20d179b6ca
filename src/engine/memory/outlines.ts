/** The outlines of a model's graphs, each made once: building a large graph takes some hundred milliseconds. */
import type { Component, Graph } from '../../graph/component.ts';
import { type Outline, outlineOf, type Sides } from '../../graph/outline.ts';
import type { Target } from '../../graph/target.ts';
import { Lru } from '../../lru.ts';
import type { ComponentName, ModelSpec } from '../../models/spec.ts';

/** A graph's memory for one target. */
export interface Footprint {
  readonly graph: Graph;
  /** Bytes of the weights once all of them are in the device's type. */
  readonly weights: number;
  /** Bytes of the same weights as they are stored. */
  readonly stored: number;
  /** Bytes of all values that exist at once in a run. */
  activations(sides: Sides): number;
  readonly outline: Outline;
}

/** Graphs of one model that are remembered: its parts, and its denoiser with several ControlNets. */
const GRAPHS = 32;

const known = new WeakMap<object, Lru<Footprint>>();

export function footprintOf(spec: Pick<ModelSpec, 'graph'>, part: ComponentName, target: Target): Footprint {
  return remembered(spec, `${part} ${JSON.stringify(target)}`, () => spec.graph(part, target));
}

/** @param nets ControlNets in the denoiser's graph */
export function denoiserFootprint(
  spec: Pick<ModelSpec, 'graph' | 'denoiser'>,
  nets: readonly Component[],
  target: Target,
): Footprint {
  if (nets.length === 0) return footprintOf(spec, 'denoiser', target);
  const ids = nets.map(idOf).join(' ');
  return remembered(spec, `controlled ${ids} ${JSON.stringify(target)}`, () =>
    spec.denoiser.graph(nets, target),
  );
}

function remembered(spec: object, key: string, build: () => Graph): Footprint {
  const all = known.get(spec) ?? new Lru<Footprint>({ limit: GRAPHS });
  known.set(spec, all);
  const found = all.get(key) ?? footprint(build());
  all.set(key, found);
  return found;
}

/** Sizes whose activations are remembered. */
const REMEMBERED = 64;

/** Of a graph that is no part of a model. */
export const footprintOfGraph = (graph: Graph): Footprint => footprint(graph);

function footprint(graph: Graph): Footprint {
  const outline = outlineOf(graph);
  const bySides = new Map<string, number>();
  const { weights, stored } = outline;
  return {
    ...{ graph, outline, weights, stored },
    activations(sides) {
      const key = JSON.stringify(sides);
      const bytes = bySides.get(key) ?? outline.activations(sides);
      if (bySides.size >= REMEMBERED) bySides.clear();
      bySides.set(key, bytes);
      return bytes;
    },
  };
}

const ids = new WeakMap<Component, number>();
let components = 0;

function idOf(component: Component): number {
  const id = ids.get(component) ?? components++;
  ids.set(component, id);
  return id;
}
