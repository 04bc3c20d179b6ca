/** The program as a user starts it: arguments in, exit code, files and lines out. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { readPngText } from '../../src/image/png-text.ts';
import { forgeModel, writeSafetensors } from '../models/forge-checkpoint.ts';
import { outcome } from './outcome.ts';

const bin = fileURLToPath(new URL('../../bin/darkroom.js', import.meta.url));
const tiny = fileURLToPath(new URL('../golden/fixtures/models/tiny-sd15', import.meta.url));
const quick = ['--model', tiny, '--steps', '2', '--progress', 'none'];
const newFolder = () => mkdtempSync(join(tmpdir(), 'darkroom-shell-'));

async function darkroom(
  args: readonly string[],
  input?: string,
  more: Readonly<Record<string, string>> = {},
) {
  const env = { ...process.env, ...more, DARKROOM_DATA: newFolder(), DARKROOM_PORT: '0' };
  const child = spawn(process.execPath, [bin, ...args], { env });
  child.stdin.end(input);
  return outcome(child);
}

test('the program can be run as it stands, as npx runs it in a checkout', () => {
  accessSync(bin, constants.X_OK);
});

test('imagine writes a PNG that carries its recipe; the path is the last line', async () => {
  const out = newFolder();
  const made = await darkroom(['imagine', 'a red mug', ...quick, '--seed', '7', '--out', out]);
  assert.equal(made.code, 0, made.err);
  const file = made.out.trim().split('\n').at(-1)!;
  assert.equal(file, join(out, 'darkroom-7.png'));
  const texts = readPngText(readFileSync(file));
  assert.match(texts.get('parameters')!, /^a red mug\n.*Seed: 7/s);
  assert.equal(JSON.parse(texts.get('darkroom')!).request.seed, 7);
});

test('--json prints one object, --latents writes a float32 array, --count numbers the files', async () => {
  const out = newFolder();
  const latents = join(out, 'latents.npy');
  const extra = [
    '--seed',
    '3',
    '--count',
    '2',
    '--json',
    '--progress',
    'json',
    '--latents',
    latents,
    '--out',
    join(out, 'p.png'),
  ];
  const made = await darkroom(['imagine', 'a mug', ...quick, ...extra]);
  assert.equal(made.code, 0, made.err);
  const told = made.err.split('\n').filter((line) => line.startsWith('{'));
  const events = told.map((line) => ({ ...JSON.parse(line), eta_seconds: 0 }));
  assert.deepEqual(events.at(-1), { event: 'step', step: 6, steps: 6, eta_seconds: 0 });
  const report = JSON.parse(made.out);
  assert.deepEqual(report.files, [join(out, 'p-0.png'), join(out, 'p-1.png')]);
  assert.deepEqual(report.seeds, [3, 4]);
  assert.equal(report.request.num_inference_steps, 2);
  assert.match(report.model_hash, /^[0-9a-f]{10}$/);
  const npy = readFileSync(latents);
  assert.equal(npy.subarray(1, 6).toString(), 'NUMPY');
  const shape = /'shape': \((\d+), (\d+), (\d+), (\d+)\)/.exec(npy.toString('latin1'))!.slice(1).map(Number);
  assert.equal(shape[0], 2);
  const header = 10 + npy.readUInt16LE(8);
  assert.equal(npy.length - header, 4 * shape.reduce((a, b) => a * b));
});

test('--from makes the same picture again and says so', async () => {
  const out = newFolder();
  const first = await darkroom(['imagine', 'a mug', ...quick, '--seed', '5', '--out', join(out, 'a.png')]);
  assert.equal(first.code, 0, first.err);
  const env = ['--out', join(out, 'b.png'), '--progress', 'none'];
  process.env['DARKROOM_MODELS'] = tiny;
  try {
    const again = await darkroom(['imagine', '--from', join(out, 'a.png'), ...env]);
    assert.equal(again.code, 0, again.err);
    assert.match(again.err, /pixels agree/);
  } finally {
    delete process.env['DARKROOM_MODELS'];
  }
});

test('a file of requests: one that fails is told on its line and the others go on', async () => {
  const folder = newFolder();
  const base = { model: tiny, num_inference_steps: 2, seed: 1 };
  const lines = [
    { ...base, prompt: 'one', output: 'one.png' },
    { ...base, prompt: 'two', stepz: 3 },
    { ...base, prompt: 'three', output: 'three', latents_output: 'three.npy' },
  ];
  const file = join(folder, 'requests.jsonl');
  writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  const made = await darkroom(['imagine', '--request', file, '--out', folder, '--progress', 'none']);
  assert.equal(made.code, 1);
  assert.match(made.err, /request 2: Unknown field stepz/);
  assert.deepEqual(readdirSync(folder).sort(), ['one.png', 'requests.jsonl', 'three.npy', 'three.png']);
});

test('a picture to start from is read beside the request; one that is none is refused', async () => {
  const folder = newFolder();
  await darkroom(['imagine', 'a mug', ...quick, '--seed', '1', '--out', join(folder, 'start.png')]);
  const request = {
    model: tiny,
    prompt: 'x',
    image: 'start.png',
    strength: 1,
    num_inference_steps: 2,
    output: 'end.png',
  };
  writeFileSync(join(folder, 'r.json'), JSON.stringify(request));
  const made = await darkroom([
    'imagine',
    '--request',
    join(folder, 'r.json'),
    '--out',
    folder,
    '--progress',
    'none',
  ]);
  assert.equal(made.code, 0, made.err);
  writeFileSync(join(folder, 'photo.heic'), '\0\0\0\x18ftypheic\0\0\0\0mif1heic');
  const refused = await darkroom(['imagine', 'x', ...quick, '--image', join(folder, 'photo.heic')]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /^darkroom: HEIC photos and videos cannot be read here\. Send a PNG, .*\n$/);
});

test('wrong usage: exit code 2 and one line with the value and the way out', async () => {
  const cases: [string[], RegExp][] = [
    [['imagin'], /no verb imagin.*imagine/],
    [['imagine'], /prompt in quotes/],
    [['imagine', 'a', 'b'], /Too many words: b/],
    [['imagine', 'x', '--stepps', '3'], /Unknown option --stepps.*steps/],
    [['imagine', 'x', '--steps', 'many'], /--steps many is not a number/],
    [['imagine', 'x', '--size', 'big'], /--size big/],
    [['imagine', 'x', '--model', tiny, '--steps', '0'], /steps 0 is outside 1 to 150/],
    [['imagine', 'x', '--model', tiny, '--seed', '-2'], /seed -2/],
    [['imagine', 'x', '--model', tiny, '--sampler', 'eulr'], /Unknown sampler eulr.*euler/],
    [['imagine', '--request', '-', '--steps', '3'], /--steps does not go with --request/],
    [['worker'], /worker needs DATABASE_URL/],
    [['config', 'fix'], /show \| set/],
    [['models', 'frobnicate'], /list, show, verify/],
    [['sweep', 'a mug'], /for example: darkroom sweep "a red mug" steps=/],
  ];
  for (const [args, message] of cases) {
    const { code, err } = await darkroom(args, '{}');
    assert.equal(code, 2, `${args.join(' ')}: ${err}`);
    assert.match(err, message);
    assert.equal(err.trim().split('\n').length, 1, err);
  }
});

test('a model that is not there: exit code 1, the nearest name, no stack', async () => {
  const { code, err } = await darkroom(['imagine', 'x', '--model', 'minni']);
  assert.equal(code, 1);
  assert.match(err, /no model minni.*mini/);
  assert.ok(!err.includes(' at '), err);
});

test('sweep draws a grid and the pictures of it; what cannot be read is wrong usage', async () => {
  const bad = await darkroom(['sweep', 'a mug', 'steps=9..3+2']);
  assert.deepEqual([bad.code, bad.out], [2, '']);
  assert.match(bad.err, /3\.\.9\+2 is 3, 5, 7, 9/);
  const folder = newFolder();
  const file = join(folder, 'grid.png');
  const line = ['sweep', 'a mug', 'steps=1,2', '--model', tiny, '--progress', 'none', '--seed', '3'];
  const { code, out } = await darkroom([...line, '--out', file, '--json']);
  assert.equal(code, 0);
  const { grid, pictures } = JSON.parse(out);
  assert.equal(grid, file);
  assert.deepEqual(
    pictures.map(({ label, seeds, files }: Record<string, unknown>) => [label, seeds, files]),
    [1, 2].map((i) => [`steps ${i}`, [3], [join(folder, `grid-${i}.png`)]]),
  );
  assert.equal(readFileSync(file).subarray(1, 4).toString(), 'PNG');
});

/** A safetensors file of one number. */
function oneTensor(name: string): Buffer {
  const header = Buffer.from(JSON.stringify({ [name]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4)]);
}

test('another VAE by its file or its name; models show and verify tell of files that are no models', async () => {
  const folder = newFolder();
  const vae = join(folder, 'soft.safetensors');
  copyFileSync(join(tiny, 'vae/diffusion_pytorch_model.safetensors'), vae);
  const models = { DARKROOM_MODELS: folder };
  const request = (task: object) =>
    JSON.stringify({ prompt: 'a mug', seed: 1, num_inference_steps: 1, ...task });
  const task = join(folder, 'tasks.jsonl');
  writeFileSync(
    task,
    [{ model: tiny }, { model: tiny, vae }, { model: tiny, vae: 'soft' }, { model: tiny, vae: 'sofd' }]
      .map((one, i) => request({ ...one, output: `${i}.png` }))
      .join('\n'),
  );
  const many = await darkroom(
    ['imagine', '--request', task, '--out', folder, '--progress', 'none'],
    '',
    models,
  );
  assert.equal(many.code, 1);
  assert.match(many.err, /no VAE sofd.*soft/);
  const [own, byFile, byName] = await Promise.all(
    [0, 1, 2].map((i) =>
      sharp(join(folder, `${i}.png`))
        .raw()
        .toBuffer(),
    ),
  );
  assert.deepEqual(byFile, own);
  assert.deepEqual(byName, own);
  const flag = ['imagine', 'a mug', ...quick, '--vae', vae, '--out', folder];
  assert.equal((await darkroom(flag)).code, 0);

  const sha256 = createHash('sha256').update(readFileSync(vae)).digest('hex');
  const shown = (await darkroom(['models', 'show', 'soft'], '', models)).out;
  assert.match(shown, /^kind +vae$/m);
  assert.match(shown, new RegExp(`^sha256 +${sha256}$`, 'm'));
  assert.match(shown, new RegExp(`^short hash +${sha256.slice(0, 10)}$`, 'm'));
  const good = await darkroom(['models', 'verify', 'soft'], '', models);
  assert.deepEqual([good.code, good.out], [0, `soft: vae, good, ${sha256.slice(0, 10)}\n`]);
  // As it is called in its folder, and in any case.
  assert.equal((await darkroom(['models', 'show', 'Soft.safetensors'], '', models)).out, shown);

  const foreign = join(folder, 'foreign.safetensors');
  writeFileSync(foreign, oneTensor('body.0.weight'));
  const listed = await darkroom(['models', 'list'], '', models);
  assert.match(listed.err, /^foreign: It was not recognised/m);
  const refused = await darkroom(['models', 'verify', 'foreign'], '', models);
  assert.deepEqual([refused.code, /^foreign: It was not recognised/.test(refused.out)], [1, true]);
  truncateSync(vae, 2000);
  const cut = await darkroom(['models', 'verify', 'soft'], '', models);
  assert.equal(cut.code, 1);
  assert.match(cut.out, /^soft: .*(cut off|is not a usable)/);
});

test('models list, show and verify; doctor reads the settings aloud', async () => {
  assert.match((await darkroom(['models', 'list'])).out, /^mini\t/m);
  assert.match((await darkroom(['models', 'show', tiny])).out, /family\s+sd/);
  assert.equal((await darkroom(['models', 'verify', tiny])).code, 0);
  const missing = await darkroom(['models', 'verify', join(tiny, 'unet')]);
  assert.equal(missing.code, 1);
  const { out, code } = await darkroom(['doctor']);
  assert.match(out, /check of pictures +by each model's own safety checker/);
  assert.equal(code, 0, out);
  assert.match(out, /DARKROOM_PORT\s+0\s+\(environment\)/);
  assert.match(out, /mini\s+good/);
});

test('a VAE beside a checkpoint that holds one is said to have no effect', async () => {
  const folder = newFolder();
  await writeSafetensors(join(folder, 'whole.safetensors'), forgeModel('sd1').single);
  writeFileSync(join(folder, 'whole.json'), '{"vae": "soft"}');
  const models = { DARKROOM_MODELS: folder };
  const note = 'whole.json: "vae" has no effect: whole.safetensors holds a VAE of its own.';
  for (const line of [['models', 'show', 'whole'], ['models', 'verify', 'whole'], ['doctor']]) {
    const { out, code } = await darkroom(line, '', models);
    assert.equal(code, 0, out);
    assert.ok(out.includes(note), out);
  }
});

test('doctor says of each device of the setting whether it is there', async () => {
  const devices = { DARKROOM_DEVICES: 'webgpu:33,cpu,webgpu:34' };
  const { out, code } = await darkroom(['doctor'], '', devices);
  assert.equal(code, 1);
  assert.match(out, /devices +cpu \(float32\); .*webgpu:33.*webgpu:34/);
  assert.match(out, /memory of cpu/);
  assert.match(out, /mini\s+good.* GB on cpu/);
});

test('config names the commands of a chat as they are typed on the shell', async () => {
  const ours = await darkroom(['config', 'show']);
  assert.match(ours.out, /^To set something: darkroom config set default_steps 24$/m);
  const theirs = await darkroom(['config', 'show', '--server', 'discord:1234']);
  assert.match(theirs.out, /: darkroom config --server discord:1234 set default_steps 24$/m);
  const empty = await darkroom(['config', 'set', 'channels', '']);
  assert.match(empty.err, /^darkroom: .* darkroom config reset channels\.$/m);
});

test('serve refuses an open door, and prints its address when it listens', async () => {
  process.env['DARKROOM_HOST'] = '0.0.0.0';
  const refused = await darkroom(['serve']).finally(() => delete process.env['DARKROOM_HOST']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /DARKROOM_WEB_TOKEN/);
});
