/** LoRAs in the engine: read and checked before anything is loaded, then laid over a model. */
export { type Adapted, AdaptedModels } from './adapt.ts';
export { readLoras } from './read.ts';
