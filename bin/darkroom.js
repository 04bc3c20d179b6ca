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
const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src', 'main.ts');
const main = existsSync(source) ? source : join(root, 'dist', 'src', 'main.js');

// undefined where npm was told not to run the script that puts it there.
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE) return process.execPath;
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const node = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

function fail(sentence) {
  process.stderr.write(`darkroom: ${sentence}\n`);
  process.exitCode = 1;
}

const node = findNode();
if (node === undefined) {
  fail(
    `Darkroom needs Node ${NODE}, and this is Node ${process.versions.node}. Run npm rebuild node, which fetches it, or install Node ${NODE}.`,
  );
} else {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${node} cannot be started: ${error.code ?? error.message}.`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
