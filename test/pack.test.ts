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

/** Node's own releases as npm has them, one executable each. */
const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const OLDER = ['20', '22'];

test('npm pack, npm i of the tarball in an empty folder, and darkroom draws, under Node 20 and 22 as well', async () => {
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
  const install = (...what: string[]) =>
    run('npm', ['i', '--prefer-offline', '--no-audit', '--no-fund', ...what], { cwd: app, env });
  await install('../darkroom-0.1.0.tgz');
  const darkroom = (...args: string[]) =>
    run(join(app, 'node_modules/.bin/darkroom'), args, { cwd: app, env });
  assert.equal((await darkroom('--version')).stdout, '0.1.0\n');
  assert.match((await darkroom('doctor')).stdout, /mini\s+good/);
  const { stdout } = await darkroom('imagine', 'a cat', '--steps', '2', '--seed', '1', '--progress', 'none');
  assert.ok(statSync(join(app, stdout.trim())).size > 1000);

  // Under an older Node, the one that came with the package does the work.
  await install(...OLDER.map((major) => `node${major}@npm:node-${platform}@${major}`));
  for (const major of OLDER) {
    const node = join(app, 'node_modules', `node${major}`, 'bin', 'node');
    const under = (...args: string[]) => run(node, args, { cwd: app, env });
    assert.match((await under('--version')).stdout, new RegExp(`^v${major}\\.`));
    const drawn = await under(
      join(app, 'node_modules/darkroom/bin/darkroom.js'),
      ...['imagine', 'a cat'],
      ...[...['--steps', '1', '--seed', major, '--progress', 'none']],
    );
    assert.ok(statSync(join(app, drawn.stdout.trim())).size > 1000);
  }
});
