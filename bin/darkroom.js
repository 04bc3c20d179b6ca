#!/usr/bin/env node
// Starts Darkroom with the Node it is made for: the machine's own if it is new enough, otherwise the one that npm
// installed with it. A checkout runs its sources, a package what they were compiled to.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE = 24;
// Verbs that run models in their own process. A process can set its allocator only as it starts: see ALLOCATOR in
// src/engine/process/process.ts, of which this is a copy.
const RUNS_MODELS = ['imagine', 'sweep', 'models'];
const ALLOCATOR = { GLIBC_TUNABLES: 'glibc.malloc.mmap_threshold=1048576:glibc.malloc.hugetlb=1' };
const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src', 'main.ts');
const main = existsSync(source) ? source : join(root, 'dist', 'src', 'main.js');

// Node's packages for this machine, which are optional dependencies: each holds one executable.
const NODE_PACKAGES = [
  `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
  `node-bin-${process.platform}-${process.arch}`,
];

// undefined where there is no such package for this machine, or npm was told to omit optional dependencies.
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE) return process.execPath;
  const { resolve } = createRequire(import.meta.url);
  for (const name of NODE_PACKAGES) {
    try {
      const folder = dirname(resolve(`${name}/package.json`));
      const node = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
      if (existsSync(node)) return node;
    } catch {
      // Not installed; the next one may be.
    }
  }
  return undefined;
}

function fail(sentence) {
  process.stderr.write(`darkroom: ${sentence}\n`);
  process.exitCode = 1;
}

const node = findNode();
if (!existsSync(main)) {
  fail(
    'This package holds no compiled files. It was packed without its scripts: use npm pack --ignore-scripts=false.',
  );
} else if (node === undefined) {
  fail(
    `Darkroom needs Node ${NODE}, and this is Node ${process.versions.node}. Run npm ci without --omit=optional, or install Node ${NODE}.`,
  );
} else {
  const env = RUNS_MODELS.includes(process.argv[2]) ? { ...ALLOCATOR, ...process.env } : process.env;
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${node} cannot be started: ${error.code ?? error.message}.`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
