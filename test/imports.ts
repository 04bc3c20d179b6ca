/** The imports of the product's code, read from its files. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Import {
  /** Path of the importing file from the root of the project. */
  readonly from: string;
  /** As written. */
  readonly to: string;
  /** Path of the imported file from the root; undefined for a package. */
  readonly file: string | undefined;
}

/** Every file of the product by its path from the root, with its text. */
export const SOURCES: ReadonlyMap<string, string> = new Map(
  globSync(['src/**/*.ts', 'commands/**/*.ts', 'adapters/**/*.ts', 'config/**/*.ts'], { cwd: ROOT })
    .sort()
    .map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]),
);

/** Type-only imports are among them. */
export const IMPORTS: readonly Import[] = [...SOURCES].flatMap(([from, text]) =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, to]) => ({
    from,
    to: to!,
    file: to!.startsWith('.') ? normalize(join(dirname(from), to!)) : undefined,
  })),
);
