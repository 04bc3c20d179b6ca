/** What a worker has open for a job: jobs of the same model and LoRAs go together where that costs nobody his turn. */
import type { GenerationRequest } from '../request.ts';

const SEPARATOR = '\n';

/** darkroom.locality in the database says the same. */
export const localityOf = ({ model, loras = [] }: Pick<GenerationRequest, 'model' | 'loras'>): string =>
  [model, ...loras.map(({ file }) => file)].join(SEPARATOR);

/** With the models by themselves: a job of the same model and other LoRAs is the next best. */
export const withModels = (localities: readonly string[]): string[] => [
  ...new Set(localities.flatMap((locality) => [locality, locality.split(SEPARATOR)[0]!])),
];
