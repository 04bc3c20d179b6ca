/** Files that are not what their name says are refused by what they are, with the way to the real one. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, symlink, truncate, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { openModelFolder } from '../../src/models/folder.ts';
import { copyModel, write } from './forge.ts';

const UNET = join('unet', 'diffusion_pytorch_model.safetensors');
const POINTER = `version https://git-lfs.github.com/spec/v1
oid sha256:4c96bd2f04a1bf1b3a4d5a3c8b1a7c4e
size 3438167540
`;

const CONTENTS: [string, string, RegExp][] = [
  [
    'a Git LFS pointer',
    POINTER,
    /^tiny-sd15\/unet\/diffusion_pytorch_model\.safetensors is only a Git LFS pointer to a file of 3438167540 bytes\. Run "git lfs pull" in the folder/,
  ],
  [
    'a web page',
    '<!DOCTYPE html>\n<html><head><title>Sign in</title>',
    /is a web page: .* log in\. Download the file again/,
  ],
  ['an error of a server', '{"error":"Repository not found"}', /is the error message of a server/],
  [
    'the beginning of a PyTorch checkpoint',
    'PK\u0003\u0004\u0014\u0000\u0000',
    /is not a usable PyTorch file: its directory is missing, as of a download that did not end/,
  ],
  ['the beginning of a GGUF file', 'GGUF\u0003\u0000\u0000\u0000\u0001', /was cut off: it has 9 bytes/],
];
for (const [what, content, message] of CONTENTS) {
  test(`${what} in place of weights`, async (t) => {
    const folder = await copyModel(t, 'tiny-sd15');
    await write(join(folder, UNET), content);
    await assert.rejects(openModelFolder(folder), { code: 'bad_model', message });
  });
}

test('a Git LFS pointer in place of a JSON file', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  await write(join(folder, 'tokenizer', 'vocab.json'), POINTER);
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /tokenizer\/vocab\.json is only a Git LFS pointer/,
  });
});

test('a download that was cut off says how much there is', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  const { length } = await readFile(join(folder, UNET));
  await truncate(join(folder, UNET), length - 100);
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: `tiny-sd15/unet/diffusion_pytorch_model.safetensors was cut off: it has ${length - 100} of ${length} bytes. Download the file again.`,
  });
});

test('a download that has not ended is named', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  await rename(join(folder, UNET), join(folder, `${UNET}.part`));
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message:
      /unet holds diffusion_pytorch_model\.safetensors\.part: its download is not finished\. Finish it/,
  });
  await rename(join(folder, `${UNET}.part`), join(folder, UNET));
  await rename(join(folder, 'vae', 'config.json'), join(folder, 'vae', 'config.json.incomplete'));
  await assert.rejects(openModelFolder(folder), {
    code: 'bad_model',
    message: /vae\/config\.json is missing, but config\.json\.incomplete is there/,
  });
});

test('in the cache of a repository the command names the repository', async (t) => {
  const folder = await copyModel(t, 'tiny-sd15');
  const snapshot = join(dirname(folder), 'models--some-one--tiny-model', 'snapshots', 'abc');
  await mkdir(dirname(snapshot), { recursive: true });
  await rename(folder, snapshot);
  const command = /Run "hf download some-one\/tiny-model --force-download"\./;
  const link = join(snapshot, 'vae', 'config.json');
  await unlink(link);
  await symlink('../../../blobs/gone', link);
  await assert.rejects(openModelFolder(snapshot), { code: 'bad_model', message: /is a link to nothing/ });
  await assert.rejects(openModelFolder(snapshot), { message: command });
  await write(join(snapshot, UNET), POINTER);
  await assert.rejects(openModelFolder(snapshot), { message: command });
});

test('a pipe among the files is never opened', { skip: process.platform === 'win32' }, async (t) => {
  for (const [name, message] of [
    ['unet/config.json', /unet\/config\.json is not a regular file/],
    ['model_index.json', /holds no model_index\.json/],
    [UNET, /unet holds no diffusion_pytorch_model/],
    ['tokenizer/merges.txt', /tokenizer\/merges\.txt is not a regular file/],
    ['scheduler/scheduler_config.json', /scheduler_config\.json is not a regular file/],
  ] as const) {
    const folder = await copyModel(t, 'tiny-sd15');
    await unlink(join(folder, name));
    execFileSync('mkfifo', [join(folder, name)]);
    await assert.rejects(openModelFolder(folder), { code: 'bad_model', message }, name);
  }
  const folder = await copyModel(t, 'tiny-sd15');
  execFileSync('mkfifo', [join(folder, 'darkroom.json'), join(folder, 'tokenizer', 'added_tokens.json')]);
  assert.equal((await openModelFolder(folder)).name, 'tiny-sd15');
});
