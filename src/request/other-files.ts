/** Two recipes of one request, as pictures carry them: which of the files behind it are others by now. */
import { isRecord } from '../json.ts';

/**
 * @param before the texts of the earlier picture, `after` those of the one that was made again
 * @returns names of the model, embeddings, VAEs, ControlNets and lent text encoders whose files differ, as far as the recipes name them
 */
export function otherFiles(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const [old, now] = [hashesIn(before.get('darkroom')), hashesIn(after.get('darkroom'))];
  return [...old].flatMap(([key, { name, hash }]) => {
    const other = now.get(key);
    return other === undefined || other.hash === hash ? [] : [name];
  });
}

/** By what they are and their names. A text that others have written may hold anything. */
function hashesIn(text: string | undefined): Map<string, { readonly name: string; readonly hash: string }> {
  const hashes = new Map<string, { readonly name: string; readonly hash: string }>();
  const recipe = parse(text);
  if (recipe === undefined) return hashes;
  const note = (kind: unknown, name: unknown, hash: unknown): void => {
    if (typeof name !== 'string' || typeof hash !== 'string') return;
    const shown = name.slice(0, LONGEST);
    hashes.set(`${kind}\n${shown}`, { name: shown, hash });
  };
  const { request, model_hash: modelHash, embeddings, files } = recipe;
  if (isRecord(request)) note('model', request['model'], modelHash);
  for (const one of listIn(embeddings)) note('embedding', one['name'], one['hash']);
  for (const one of listIn(files)) note(one['part'], one['name'], one['hash']);
  return hashes;
}

const listIn = (value: unknown) => (Array.isArray(value) ? value.slice(0, MOST).filter(isRecord) : []);

/** Of embeddings or files in one recipe, and letters of a name. */
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
