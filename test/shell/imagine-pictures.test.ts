/** Pictures beside the words: masks and controls on the command line, in request files and in recipes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPngText } from '../../src/image/png-text.ts';
import { readTasks } from '../../src/shell/imagine-options.ts';
import { UsageError } from '../../src/shell/verb.ts';

const fixtures = fileURLToPath(new URL('../golden/fixtures/', import.meta.url));
const tiny = join(fixtures, 'models/tiny-sd15');
const bin = fileURLToPath(new URL('../../bin/darkroom.js', import.meta.url));
const quick = ['--model', tiny, '--steps', '2', '--sampler', 'euler', '--progress', 'none'];
const newFolder = () => mkdtempSync(join(tmpdir(), 'darkroom-pictures-'));

const draftOf = async (...args: string[]) => (await readTasks(args)).tasks[0]!.draft;

test('every field of a control can be said in one word', async () => {
  assert.deepEqual(
    await draftOf(
      'x',
      '--control',
      'canny=a=b.png@0.8:0.1-0.6',
      '--control',
      'raw=c.png',
      '--controlnet',
      './net',
    ),
    {
      prompt: 'x',
      controls: [
        { kind: 'canny', image: 'a=b.png', scale: 0.8, start: 0.1, end: 0.6, controlnet: './net' },
        { kind: 'raw', image: 'c.png' },
      ],
    },
  );
});

test('a control that cannot be read, or a net without one, is wrong usage', async () => {
  await assert.rejects(draftOf('x', '--control', 'room.png'), /KIND=FILE/);
  await assert.rejects(draftOf('x', '--controlnet', 'net'), UsageError);
});

test('masks, their options and the second pass reach the draft', async () => {
  assert.deepEqual(
    await draftOf(
      'x',
      '--image',
      'a.png',
      '--mask',
      'm.png',
      '--mask-blur',
      '3',
      '--keep-unmasked',
      '--guess-mode',
    ),
    { prompt: 'x', image: 'a.png', mask_image: 'm.png', mask_blur: 3, keep_unmasked: true, guess_mode: true },
  );
  assert.deepEqual(await draftOf('x', '--hires', '1.5', '--rng', 'philox'), {
    prompt: 'x',
    hires: { scale: 1.5 },
    rng: 'philox',
  });
});

test('the options of chats are known on the shell too', async () => {
  assert.deepEqual(await draftOf('x', '--no', 'text', '--cfg', '3', '--n', '2', '--upscale', '2'), {
    prompt: 'x',
    negative_prompt: 'text',
    guidance_scale: 3,
    num_images: 2,
    hires: { scale: 2 },
  });
  assert.deepEqual(await draftOf('a mug --seed 3 —no “a, b” --size 8x8'), {
    prompt: 'a mug',
    seed: 3,
    negative_prompt: 'a, b',
    width: 8,
    height: 8,
  });
  assert.deepEqual(await draftOf('a --seed 3', '--seed', '4'), { prompt: 'a', seed: 4 });
  assert.deepEqual(await draftOf('a mug --n 4 pictures'), { prompt: 'a mug', num_images: 4 });
  assert.deepEqual(await draftOf(''), { prompt: '' });
  await assert.rejects(draftOf('a --v 6'), /flag of Midjourney/);
  assert.equal((await readTasks(['a --ar 16:9'])).tasks[0]!.ratio, 16 / 9);
  assert.equal((await readTasks(['x', '--ar', '3:2'])).tasks[0]!.ratio, 1.5);
  await assert.rejects(draftOf('x', '--ar', '3:2', '--size', '8x8'), /both set the size/);
  await assert.rejects(draftOf('x', '--cfg', '3', '--guidance', '4'), /--cfg and --guidance are one option/);
});

test('a masked picture is made from a request file and made again from its PNG', async () => {
  const folder = newFolder();
  copyFileSync(join(fixtures, 'inputs/hills-64x64.png'), join(folder, 'start.png'));
  copyFileSync(join(fixtures, 'inputs/mask-64x64.png'), join(folder, 'mask.png'));
  const request = {
    model: tiny,
    prompt: 'a tree',
    image: 'start.png',
    mask_image: 'mask.png',
    keep_unmasked: true,
    num_inference_steps: 2,
    seed: 4,
    sampler: 'euler',
    output: 'made.png',
  };
  const file = join(folder, 'r.json');
  writeFileSync(file, JSON.stringify(request));
  assert.equal(await darkroom(['--request', file, '--out', folder, '--progress', 'none']), 0);
  const made = join(folder, 'made.png');
  const texts = readPngText(readFileSync(made));
  assert.match(texts.get('parameters')!, /Denoising strength: 1, Mask blur: 0/);
  const recipe = JSON.parse(texts.get('darkroom')!);
  assert.equal(recipe.request.mask_image, 'mask.png');
  const outright = ['a tree', '--model', tiny, '--image', join(folder, 'start.png'), '--steps', '2'];
  const second = join(folder, 'second.png');
  assert.equal(await darkroom([...outright, '--out', second, '--progress', 'none']), 0);
  assert.ok(!readFileSync(second).includes(folder), 'the picture names a folder of this machine');
  await assert.rejects(readTasks(['--from', made, '--image', join(folder, 'start.png')]), /--mask/);
});

test('nets of one name in two folders are told apart; a PNG of theirs is made again', async () => {
  const folder = newFolder();
  for (const [kind, net] of [
    ['one', 'sd15-canny'],
    ['two', 'sd15-pose'],
  ]) {
    cpSync(join(fixtures, 'controlnets', net!), join(folder, kind!, 'net'), { recursive: true });
  }
  copyFileSync(join(fixtures, 'inputs/edges-64x64.png'), join(folder, 'edges.png'));
  const request = (net: string, output: string) =>
    JSON.stringify({
      model: tiny,
      prompt: 'a tree',
      controls: [
        { kind: 'raw', image: 'edges.png', controlnet: net },
        { kind: 'openpose', image: 'walking', controlnet: './one/net' },
      ],
      num_inference_steps: 2,
      sampler: 'euler',
      seed: 4,
      output,
    });
  const file = join(folder, 'r.jsonl');
  writeFileSync(file, `${request('./one/net', 'one.png')}\n${request('./two/net', 'two.png')}\n`);
  assert.equal(await darkroom(['--request', file, '--out', folder, '--progress', 'none']), 0);
  const [one, two] = ['one.png', 'two.png'].map((name) => readPngText(readFileSync(join(folder, name))));
  assert.equal(JSON.parse(one!.get('darkroom')!).request.controls[0].controlnet, 'one/net');
  assert.match(
    two!.get('parameters')!,
    /ControlNet 0: "Module: none, Model: net \[[0-9a-f]{10}\], Weight: 1, .*Control Mode: Balanced", ControlNet 1: "Module: openpose/,
  );
  assert.notDeepEqual(readFileSync(join(folder, 'one.png')), readFileSync(join(folder, 'two.png')));
  const from = ['--from', join(folder, 'one.png')];
  await assert.rejects(readTasks(from), /1 control pictures, 0 are given/);
  const { tasks } = await readTasks([...from, '--control', `raw=${join(folder, 'edges.png')}`]);
  const { controls } = tasks[0]!.draft as { controls: { image: string }[] };
  assert.deepEqual(
    controls.map(({ image }) => image),
    [join(folder, 'edges.png'), 'walking'],
  );
});

test('the parameters of a second pass are those that A1111 reads', async () => {
  const out = newFolder();
  const args = [
    'a tree',
    ...quick,
    '--size',
    '32x32',
    '--hires',
    '2',
    '--seed',
    '3',
    '--out',
    join(out, 'a.png'),
  ];
  assert.equal(await darkroom(args), 0);
  const parameters = readPngText(readFileSync(join(out, 'a.png'))).get('parameters')!;
  assert.match(
    parameters,
    /Size: 32x32.*Denoising strength: 0.5.*Hires resize: 64x64, Hires steps: 2, Hires upscaler: Lanczos/,
  );
});

/** @returns the exit code of the program */
async function darkroom(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [bin, 'imagine', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'close');
  return code;
}
