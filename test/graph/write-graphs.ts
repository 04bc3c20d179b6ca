/** node write-graphs.ts FOLDER: the graphs of every part for every target, for ONNX's own checker (../golden/make_operators.py). */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { everyPart } from './every-part.ts';
import { TARGETS } from './targets.ts';

const [folder] = process.argv.slice(2) as [string];
await mkdir(folder, { recursive: true });
const weights = await mkdtemp(join(tmpdir(), 'darkroom-graphs-'));
for await (const { name, build } of everyPart(weights)) {
  for (const [target, how] of Object.entries(TARGETS))
    await writeFile(join(folder, `${name}, ${target}.onnx`.replaceAll('/', '-')), build(how).bytes);
}
