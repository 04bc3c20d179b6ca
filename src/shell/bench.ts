/** `darkroom bench`: the benchmarks of a checkout. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DarkroomError } from '../errors.ts';
import type { Verb } from './verb.ts';

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

export const bench: Verb = {
  summary: 'speed and memory of this machine (in a checkout)',
  help: 'darkroom bench: the same as npm run bench; figures go to the terminal and, as JSON, to bench/results.',

  async run(args) {
    if (!existsSync(MAIN)) {
      throw new DarkroomError(
        'not_found',
        'The benchmarks are not part of the package. Run npm run bench in a checkout.',
      );
    }
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  },
};
