#!/usr/bin/env node
/**
 * The beginning of `darkroom`. What Node compiles is kept beside the packages, for this process and those that it starts: of
 * the time that `serve` needs to be ready, half was spent on the same 800 files again.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL(import.meta.url.endsWith('.ts') ? '../' : '../../', import.meta.url);
const folder = fileURLToPath(new URL('node_modules/.cache/darkroom', root));
// Where it cannot be written, nothing is kept; what the operator has set wins.
const { directory } = enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? folder);
if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= folder;

await import('./command-line.ts');
