/** The models of this machine as the commands see them, and where they lie. */
import { fileURLToPath } from 'node:url';
import type { ModelInfo, ModelsPort } from '../commands/ports.ts';
import { planPrompt } from './engine/prompt-plan.ts';
import { type TextReaders, textReadersOf } from './engine/text-encoders.ts';
import { Catalogue } from './models/catalogue.ts';
import type { ModelSpec } from './models/spec.ts';

/** The model that ships inside; what is drawn with where nobody names another. */
export const EMBEDDED_MODEL = 'mini';

// The package's root is one above src/ in a checkout, two above dist/src/ in a package.
const ROOT = new URL(import.meta.url.endsWith('.ts') ? '../' : '../../', import.meta.url);

/** The operator's folders first, the embedded model always. */
export function modelFolders(configured: readonly string[]): string[] {
  return [...configured, fileURLToPath(new URL(`models/${EMBEDDED_MODEL}`, ROOT))];
}

/** Each model's folder is checked when it is first named, then remembered. */
export async function createModels(folders: readonly string[]): Promise<ModelsPort> {
  const catalogue = new Catalogue(folders);
  const names = (await catalogue.list()).map(({ name }) => name);
  const specs = new Map<string, ModelSpec>();
  const readers = new Map<string, TextReaders>();

  const open = async (name: string): Promise<ModelSpec> => {
    const spec = specs.get(name) ?? (await catalogue.open(name));
    specs.set(name, spec);
    return spec;
  };

  return {
    names: () => names,
    async resolve(name = EMBEDDED_MODEL): Promise<ModelInfo> {
      const { defaults, gallery, words, controlnets, licence, commercialUse, ...spec } = await open(name);
      return {
        ...{ name: spec.name, defaults, gallery, words, controls: [...controlnets.keys()] },
        ...(licence === undefined ? {} : { licence }),
        ...(commercialUse === undefined ? {} : { commercial: commercialUse }),
      };
    },
    async describeUnread(model, prompt, syntax) {
      // Made once a model: tens of thousands of words and merges must not be read again at each message.
      const known = readers.get(model) ?? textReadersOf(await open(model));
      readers.set(model, known);
      const [note = ''] = planPrompt(known, { promptSyntax: syntax }, 'prompt', [
        prompt,
        prompt,
        prompt,
      ]).notes;
      return note;
    },
  };
}
