/** The files to run Darkroom with: read by tools that know them, and held against what the program really has. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { loadSettings } from '../../config/settings.ts';
import { openS3 } from '../../src/store/s3.ts';
import { startS3 } from '../store/s3-server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8');

test('the Dockerfile is one, ends as another user than root with a health check, and finds what it copies', () => {
  const text = read('Dockerfile');
  assert.deepEqual(validate(text), []);
  const final = text.slice(text.lastIndexOf('\nFROM '));
  assert.match(final, /^USER 1000:1000$/m);
  assert.match(final, /^HEALTHCHECK .*CMD \["node", "scripts\/healthcheck\.js"\]$/m);
  const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) => files!.split(' '));
  assert.ok(copied.length > 8);
  const allowed = read('.dockerignore').split('\n');
  assert.equal(
    allowed.find((line) => !line.startsWith('#')),
    '*',
  );
  for (const file of copied) {
    assert.ok(existsSync(`${root}${file}`), file);
    assert.ok(allowed.includes(`!${file}`), `${file} is not in .dockerignore`);
  }
});

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly read_only?: boolean;
  readonly ports?: readonly string[];
  readonly deploy?: { readonly replicas: number };
}

test('compose.yaml: known settings, read-only containers, no password of its own, one port on loopback', () => {
  const text = read('compose.yaml');
  const { services, volumes } = parse(text, { merge: true, strict: true, uniqueKeys: true }) as {
    services: Record<string, Service>;
    volumes: Record<string, null>;
  };
  const known = new Set<string>(loadSettings({}).table.map(({ name }) => name));
  for (const name of ['serve', 'worker', 'bucket']) {
    const { read_only, environment, image } = services[name]!;
    assert.deepEqual({ read_only, image }, { read_only: true, image: 'darkroom' });
    for (const key of Object.keys(environment!)) assert.ok(known.has(key) || key.startsWith('AWS_'), key);
  }
  const secrets = Object.values(services).flatMap(({ environment }) =>
    Object.entries(environment ?? {}).filter(([key]) => /PASSWORD|KEY|TOKEN|DATABASE_URL/.test(key)),
  );
  assert.ok(secrets.length > 8);
  for (const [key, value] of secrets) assert.match(value, /\$\{[A-Z0-9_]+:[?-]/, key);
  assert.ok(services['worker']!.deploy!.replicas > 1);
  const ports = Object.values(services).flatMap((service) => service.ports ?? []);
  assert.deepEqual(ports, [`127.0.0.1:\${DARKROOM_PORT:-3000}:3000`]);
  const used = [...text.matchAll(/"(?:\$\{MODELS:-)?([a-z0-9]+)\}?:\//g)].map(([, name]) => name);
  assert.deepEqual([...new Set(used)].sort(), Object.keys(volumes).sort());
});

test('the bucket is made once, and pictures find it', async (t) => {
  const s3 = await startS3();
  t.after(() => s3.close());
  const env = { ...process.env, DARKROOM_PICTURES: 's3://made/for-us' };
  const make = async () => {
    const child = spawn(process.execPath, [`${root}scripts/make-bucket.js`], { env });
    return await new Promise<number | null>((resolve) => child.on('exit', resolve));
  };
  await assert.rejects(openS3('s3://made/for-us'), /cannot be reached/);
  assert.equal(await make(), 0);
  assert.equal(await make(), 0);
  await openS3('s3://made/for-us');
});

const analyze = spawnSync('systemd-analyze', ['--version']);
test('the systemd unit is one, and hardened', {
  skip: analyze.error || analyze.status !== 0 ? 'there is no systemd-analyze here' : false,
}, () => {
  const unit = `${root}deploy/darkroom.service`;
  const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  assert.deepEqual({ status: verified.status, stderr: verified.stderr }, { status: 0, stderr: '' });
  const { stdout, stderr } = spawnSync('systemd-analyze', ['security', '--offline=yes', unit], {
    encoding: 'utf8',
  });
  const exposure = /Overall exposure level .*: ([\d.]+)/.exec(stdout)?.[1];
  // Older ones cannot rate a unit that is not loaded.
  if (exposure === undefined) assert.match(stderr, /offline|unrecognized/i);
  else assert.ok(Number(exposure) < 3, exposure);
});

/** Why no image can be built and run here, or false. */
function skipImage(): string | false {
  const has = (...args: string[]) => spawnSync('docker', args, { timeout: 20_000 }).status === 0;
  if (!has('version')) return 'no container daemon answers `docker version`';
  const base = process.env['DARKROOM_TEST_NODE_IMAGE'] ?? 'docker.io/library/node:24-trixie-slim';
  return has('image', 'inspect', base) || has('pull', base) ? false : `the base image ${base} cannot be had`;
}

test('the image is built and draws: not as root, with a root file system that nobody can write', {
  skip: skipImage(),
}, async (t) => {
  const docker = (...args: string[]) => execFileSync('docker', args, { cwd: root, encoding: 'utf8' }).trim();
  const base = process.env['DARKROOM_TEST_NODE_IMAGE'];
  docker('build', '-q', '-t', 'darkroom-test', ...(base ? ['--build-arg', `NODE_IMAGE=${base}`] : []), '.');
  const token = 'a-token-for-tests';
  const flags = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '-p', '127.0.0.1::3000'];
  const id = docker('run', '-d', ...flags, '-e', `DARKROOM_WEB_TOKEN=${token}`, 'darkroom-test');
  t.after(() => docker('rm', '-f', '-v', id));
  const url = `http://${docker('port', id, '3000')}`;
  const headers = { authorization: `Bearer ${token}`, origin: url };
  const isUp = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isUp())) await sleep(300);
  docker('exec', id, 'node', 'scripts/healthcheck.js');
  assert.equal(docker('exec', id, 'id', '-u'), '1000');
  assert.throws(() => docker('exec', id, 'touch', '/app/x'));
  const body = new FormData();
  body.set('text', '/imagine a red mug --steps 2');
  const { job } = (await (await fetch(`${url}/api/messages`, { method: 'POST', body, headers })).json()) as {
    job: { id: string };
  };
  for (;;) {
    const messages = (await (await fetch(`${url}/api/messages`, { headers })).json()) as {
      job?: { id: string; state: string };
    }[];
    const state = messages.find((one) => one.job?.id === job.id)?.job?.state;
    assert.notEqual(state, 'failed');
    if (state === 'done') return;
    await sleep(300);
  }
});
