/** Every sampler. A new one is a file beside this and a line here; names, aliases and help derive from it. */
import type { Sampler } from '../sampler.ts';
import { ddim } from './ddim.ts';
import { ddpm } from './ddpm.ts';
import { deis } from './deis.ts';
import { lcm, tcd } from './distilled.ts';
import { dpmpp2m, dpmpp2mSde, dpmpp3mSde } from './dpm-multistep.ts';
import { dpmpp2s } from './dpm-singlestep.ts';
import { dpm2, dpm2Ancestral } from './dpm2.ts';
import { dpmppSde } from './dpmpp-sde.ts';
import { edmDpmpp2m, edmEuler } from './edm.ts';
import { euler, eulerAncestral } from './euler.ts';
import { flowEuler, flowHeun, flowLcm } from './flow.ts';
import { heun } from './heun.ts';
import { ipndm } from './ipndm.ts';
import { lms } from './lms.ts';
import { pndm } from './pndm.ts';
import { saSolver } from './sa-solver.ts';
import { unipc } from './unipc.ts';

const ALL = [
  ddim,
  ddpm,
  pndm,
  lms,
  euler,
  eulerAncestral,
  heun,
  dpm2,
  dpm2Ancestral,
  dpmpp2m,
  dpmpp2mSde,
  dpmpp3mSde,
  dpmppSde,
  dpmpp2s,
  unipc,
  deis,
  saSolver,
  ipndm,
  lcm,
  tcd,
  flowEuler,
  flowHeun,
  flowLcm,
  edmEuler,
  edmDpmpp2m,
] as const;

export type SamplerName = (typeof ALL)[number]['name'];
export const SAMPLERS: readonly Sampler<SamplerName>[] = ALL;
export const SAMPLER_NAMES = ALL.map(({ name }) => name) as readonly SamplerName[] as readonly [
  SamplerName,
  ...SamplerName[],
];

const BY_NAME: ReadonlyMap<string, Sampler<SamplerName>> = new Map(ALL.map((one) => [one.name, one]));

export const samplerNamed = (name: SamplerName): Sampler<SamplerName> => BY_NAME.get(name)!;
