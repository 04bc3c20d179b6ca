/** What jobs take in memory, what devices have, and what is done to make one fit into the other: the door of this room. */
export { budgetOf } from './budget.ts';
export { heldBytes } from './held.ts';
export { denoiserFootprint, type Footprint, footprintOf, footprintOfGraph } from './outlines.ts';
export {
  type KeptBytes,
  keptBytes,
  type MemoryPlan,
  networkBytes,
  planMemory,
  planUpscaler,
  tileWithin,
} from './plan.ts';
export { gigabytes, requireFit, requireUpscalerFit } from './refuse.ts';
export type { Saver } from './stages.ts';
