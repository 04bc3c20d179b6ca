/** Runs every test file; the last lines are the runner's own counts. Arguments narrow it down to some files. */
import { spawnSync } from 'node:child_process';

const patterns = process.argv.slice(2);
const files = patterns.length > 0 ? patterns : ['test/**/*.test.ts'];
// Two files at a time: inference tests use all cores already.
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;
