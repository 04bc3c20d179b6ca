/** What jobs take in memory, what devices have, and what is done to make one fit into the other: the door of this room. */
export { budgetOf } from './budget.ts';
export {
  keptBytes,
  type MemoryPlan,
  planMemory,
  type Saver,
} from './plan.ts';
export { gigabytes, requireFit } from './refuse.ts';
