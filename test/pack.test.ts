/** The package as a stranger installs it: npm i of the tarball in an empty folder. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

test('npm pack, npm i of the tarball in an empty folder, and darkroom draws', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-pack-'));
  const app = join(folder, 'app');
  mkdirSync(app);
  // The npm that runs us sets its own folder and settings for its children; a stranger's has none of them.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(?!config_(registry|cache|userconfig|globalconfig))/i.test(name),
    ),
  );
  await run('npm', ['pack', '--ignore-scripts=false', '--pack-destination', folder], { cwd: root, env });
  writeFileSync(join(app, 'package.json'), '{"name": "empty", "private": true}');
  await run('npm', ['i', '--prefer-offline', '--no-audit', '--no-fund', '../darkroom-0.1.0.tgz'], {
    cwd: app,
    env,
  });
  const darkroom = (...args: string[]) =>
    run(join(app, 'node_modules/.bin/darkroom'), args, { cwd: app, env });
  assert.equal((await darkroom('--version')).stdout, '0.1.0\n');
  assert.match((await darkroom('doctor')).stdout, /mini\s+good/);
  const { stdout } = await darkroom('imagine', 'a cat', '--steps', '2', '--seed', '1', '--progress', 'none');
  assert.ok(statSync(join(app, stdout.trim())).size > 1000);
});
