// Runs before the install scripts of our dependencies when Darkroom is installed as a package. onnxruntime-node's
// script fetches the CUDA library from a host that many machines do not reach, and its failure would undo the
// whole installation. It fetches nothing where the files stand already, so empty ones are put in their place;
// `darkroom doctor` says how to fetch the real ones, which overwrites these. In a checkout, .npmrc keeps
// npm from running the scripts of any dependency.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const FILES = ['cuda', 'shared', 'tensorrt'].map((name) => `libonnxruntime_providers_${name}.so`);

function findPackage() {
  try {
    return dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  } catch {
    return undefined;
  }
}

const found = process.platform === 'linux' && process.arch === 'x64' ? findPackage() : undefined;
if (found !== undefined) {
  const folder = join(found, 'bin', 'napi-v6', 'linux', 'x64');
  mkdirSync(folder, { recursive: true });
  for (const file of FILES) {
    if (!existsSync(join(folder, file))) writeFileSync(join(folder, file), '');
  }
}
