/**
 * The scripts and the style sheets of the page as one file each: fifty requests, many of them found only in the file
 * before, would be most of the time until the first message is seen. The files stay as they are written; only the
 * imports and exports of the modules are replaced.
 */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const PAGE = new URL('../page/', import.meta.url);
/** The style sheets, in the order in which they hold. */
const STYLES = 'theme style layout buttons empty message print form composer panel dialogs painter you'.split(
  ' ',
);
const IMPORT = /^import (?:\{([^}]*)\}|\* as (\w+)) from '\.\/([a-z-]+)\.js';$/gm;
const EXPORT = /^export (?=(?:const|class|(?:async )?function) (\w+))/gm;

const read = (file: string) => readFile(new URL(file, PAGE), 'utf8');

export const bundleStyles = async (): Promise<string> =>
  (await Promise.all(STYLES.map((name) => read(`${name}.css`)))).join('\n');

/** A file of the page as it is and compressed, which is done once. */
export async function packed(text: string) {
  const plain = Buffer.from(text);
  return { plain, gzip: await promisify(gzip)(plain) };
}

/** @param entry name of the module that the page starts with, without its ending */
export async function bundleScripts(entry: string): Promise<string> {
  const seen = new Set<string>();
  const parts: string[] = [];
  const add = async (name: string, above: readonly string[]): Promise<void> => {
    if (above.includes(name)) throw new TypeError(`modules of the page import each other: ${above.join()}`);
    if (seen.has(name)) return;
    seen.add(name);
    const source = await read(`${name}.js`);
    for (const [, , , imported] of source.matchAll(IMPORT)) await add(imported!, [...above, name]);
    parts.push(wrap(name, source));
  };
  await add(entry, []);
  return `${parts.join('\n')}\n`;
}

/** A module as a function of its own, so that its names stay its own; what it exports is the function's result. */
function wrap(name: string, source: string): string {
  const exported: string[] = [];
  const body = source
    .replaceAll(IMPORT, (_, names: string | undefined, all: string | undefined, from: string) =>
      all === undefined
        ? `const {${names!.replaceAll(' as ', ': ')}} = ${variable(from)};`
        : `const ${all} = ${variable(from)};`,
    )
    .replaceAll(EXPORT, (_, exportedName: string) => {
      exported.push(exportedName);
      return '';
    });
  const left = /^(?:import|export)\b.*$/m.exec(body)?.[0];
  if (left !== undefined) throw new TypeError(`${name}.js: the page cannot bundle: ${left}`);
  return `const ${variable(name)} = (() => {\n${body}\nreturn { ${exported.join(', ')} };\n})();`;
}

const variable = (name: string) => `module_${name.replaceAll('-', '_')}`;
