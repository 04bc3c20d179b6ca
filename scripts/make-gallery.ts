/**
 * Draws the embedded model's gallery: docs/pictures with README's table of them, and the prints of the empty web chat.
 * To be run when the weights or the gallery of models/mini have changed: `node scripts/make-gallery.ts`.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chdir } from 'node:process';
import sharp from 'sharp';

interface Example {
  readonly prompt: string;
  readonly seed: number;
  /** What it is made from: the prompt of an earlier one, and the flags that say how. */
  readonly from?: string;
  readonly flags?: readonly string[];
}

/** What the gallery of words alone does not show. */
const EDITS: readonly Example[] = [
  { prompt: 'a red mug on a table, ink drawing', from: 'a red mug on a table, watercolor', seed: 1 },
];
/** Examples that the empty web chat shows. */
const PRINTS = 4;
const COLUMNS = 4;
const MARKS = ['<!-- gallery -->', '<!-- end of gallery -->'] as const;

chdir(new URL('..', import.meta.url).pathname);
const { gallery } = JSON.parse(readFileSync('models/mini/darkroom.json', 'utf8')) as { gallery: Example[] };
const folder = mkdtempSync(join(tmpdir(), 'darkroom-gallery-'));
for (const old of globSync(['docs/pictures/*', 'adapters/web/page/print-*.webp'])) rmSync(old);

const cells: string[] = [];
for (const [i, example] of [...gallery, ...EDITS].entries()) {
  const name = nameOf(example);
  const png = join(folder, `${name}.png`);
  const { prompt, seed, from, flags = [] } = example;
  const source = [...gallery, ...EDITS].find((one) => one.prompt === from);
  const image = source === undefined ? [] : ['--image', join(folder, `${nameOf(source)}.png`)];
  const command = ['imagine', prompt, '--seed', `${seed}`, ...image, ...flags, '--out', png];
  execFileSync(process.execPath, ['src/main.ts', ...command], { stdio: 'inherit' });
  const print = await sharp(png).webp({ quality: 90 }).toBuffer();
  writeFileSync(`docs/pictures/${name}.webp`, print);
  if (i < PRINTS) writeFileSync(`adapters/web/page/print-${name}.webp`, print);
  const words = [prompt, '--seed', seed, ...flags].join(' ');
  const said =
    source === undefined ? `\`/imagine ${words}\`` : `in reply to *${source.prompt}*: \`${words}\``;
  cells.push(`![${prompt}](docs/pictures/${name}.webp)<br>${said}`);
}
rmSync(folder, { recursive: true });

const rows = Array.from({ length: Math.ceil(cells.length / COLUMNS) }, (_, i) =>
  rowOf(cells.slice(i * COLUMNS, (i + 1) * COLUMNS)),
);
const table = [rowOf(['', '', '', '']), rowOf(['---', '---', '---', '---']), ...rows].join('\n');
const readme = readFileSync('README.md', 'utf8');
const [before, , after] = readme.split(new RegExp(MARKS.join('|')));
writeFileSync('README.md', `${before}${MARKS[0]}\n${table}\n${MARKS[1]}${after}`);

/** As the page names its prints; words in other letters leave only the seed. */
function nameOf({ prompt, seed }: Example): string {
  const words = prompt.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return words === '-' ? `seed-${seed}` : `${words}-${seed}`;
}

function rowOf(row: readonly string[]): string {
  return `| ${row.join(' | ')} |`;
}
