import { type GenerationRequest, type RequestDraft, ROWS } from './fields.ts';

/**
 * The request as people and files see it: snake_case fields, all filled. A field left out stays out: JSON and
 * exactOptionalPropertyTypes both tell it from undefined.
 */
export function requestToJson(request: GenerationRequest): RequestDraft {
  const fields = ROWS.flatMap(([key, { name, json }]) => {
    const frozen: unknown = request[key];
    if (frozen === undefined) return [];
    const value = json === undefined ? frozen : json(frozen);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(fields) as RequestDraft;
}
