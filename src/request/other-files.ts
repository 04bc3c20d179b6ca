/** Two recipes of one request, as pictures carry them: which of the files behind it are others by now. */
import { isRecord } from '../json.ts';

/**
 * @param before the texts of the earlier picture, `after` those of the one that was made again
 * @returns names of the model and the embeddings whose files differ, as far as the recipes name them
 */
export function otherFiles(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const [old, now] = [hashesIn(before.get('darkroom')), hashesIn(after.get('darkroom'))];
  return [...old].flatMap(([name, hash]) => {
    const other = now.get(name);
    return other === undefined || other === hash ? [] : [name];
  });
}

/** By names. A text that others have written may hold anything. */
function hashesIn(text: string | undefined): Map<string, string> {
  const hashes = new Map<string, string>();
  const recipe = parse(text);
  if (recipe === undefined) return hashes;
  const { request, model_hash: modelHash, embeddings } = recipe;
  if (isRecord(request) && typeof request['model'] === 'string' && typeof modelHash === 'string')
    hashes.set(request['model'].slice(0, LONGEST), modelHash);
  for (const one of Array.isArray(embeddings) ? embeddings.slice(0, MOST) : []) {
    if (!isRecord(one)) continue;
    const { name, hash } = one;
    if (typeof name === 'string' && typeof hash === 'string') hashes.set(name.slice(0, LONGEST), hash);
  }
  return hashes;
}

/** Of embeddings in one recipe, and letters of a name. */
const MOST = 64;
const LONGEST = 200;

function parse(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
