/** Where imagine may write: found out before anything is drawn, and never over somebody's file. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { checkOut, planOutput, writeOutput } from '../../src/shell/output.ts';
import { taskOf } from '../../src/shell/task.ts';
import { UsageError } from '../../src/shell/verb.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'darkroom-output-'));
const one = { count: 1, seed: 7 };

const task = (fields: object, base = newFolder()) => taskOf({ prompt: 'x', ...fields }, { line: 1, base });
async function plan(out: string, fields: object = {}, overwrite = false, picture = one) {
  return (await planOutput(task(fields), { out, overwrite }, picture)).pictures;
}
const refused = (work: Promise<unknown>, words: RegExp) =>
  assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof DarkroomError, String(error));
    assert.match(error.message, words);
    return true;
  });

test('pictures of one seed get names of their own', async () => {
  const out = newFolder();
  for (const name of ['darkroom-7.png', 'darkroom-7-2.png', 'darkroom-7-3.png']) {
    const [file] = await plan(out);
    assert.equal(file, join(out, name));
    await writeOutput(file!, Buffer.from(name), false);
  }
  assert.equal(readFileSync(join(out, 'darkroom-7.png'), 'utf8'), 'darkroom-7.png');
  assert.deepEqual(await plan(out, {}, true), [join(out, 'darkroom-7.png')]);
  const several = await plan(out, {}, false, { count: 2, seed: 7 });
  assert.deepEqual(several, [join(out, 'darkroom-7-0.png'), join(out, 'darkroom-7-1.png')]);
});

test('a file that somebody named is never replaced unasked', async () => {
  const out = newFolder();
  writeFileSync(join(out, 'mug.png'), 'old');
  writeFileSync(join(out, 'mug-1.png'), 'old');
  await refused(plan(join(out, 'mug.png')), /mug\.png exists already.*--overwrite/);
  await refused(plan(out, { output: 'mug' }), /mug\.png exists already/);
  await refused(plan(out, { output: 'mug' }, false, { count: 2, seed: 7 }), /mug-1\.png exists already/);
  await refused(writeOutput(join(out, 'mug.png'), Buffer.from('new'), false), /exists already/);
  assert.equal(readFileSync(join(out, 'mug.png'), 'utf8'), 'old');
  assert.deepEqual(await plan(join(out, 'mug.png'), {}, true), [join(out, 'mug.png')]);
  await writeOutput(join(out, 'mug.png'), Buffer.from('new'), true);
  assert.equal(readFileSync(join(out, 'mug.png'), 'utf8'), 'new');
});

test('a request writes nowhere but under --out, its latents also beside itself', async () => {
  const out = newFolder();
  for (const output of ['../x.png', '/tmp/x.png', 'a/../../x', 'a\0b', join(out, '..', 'x')]) {
    await refused(plan(out, { output }), /output .* outside of/);
    await refused(plan(out, { latents_output: output }), /latents_output .* outside of/);
  }
  assert.deepEqual(await plan(out, { output: 'set/one' }), [join(out, 'set/one.png')]);
  assert.deepEqual(await plan(out, { output: '...png' }), [join(out, '...png')]);
  const base = newFolder();
  const latentsOf = async (latents_output: string) =>
    (await planOutput(task({ latents_output }, base), { out, overwrite: false }, one)).latents;
  assert.equal(await latentsOf('l.npy'), join(base, 'l.npy'));
  assert.equal(await latentsOf(join(out, 'l.npy')), join(out, 'l.npy'));
});

test('what cannot be written is found out before it is drawn', async () => {
  const out = newFolder();
  writeFileSync(join(out, 'file'), '');
  await refused(plan(join(out, 'file')), /Nothing can be written to .*part of the path is a file/);
  await refused(plan(join(out, 'file', 'below')), /part of the path is a file/);
  await refused(plan('/proc/darkroom'), /Nothing can be written to \/proc\/darkroom/);
  symlinkSync(join(out, 'gone', 'away'), join(out, 'link'));
  await refused(plan(join(out, 'link')), /Nothing can be written/);
  assert.deepEqual(await plan(join(out, 'new/folder')), [join(out, 'new/folder/darkroom-7.png')]);
  assert.ok(existsSync(join(out, 'new/folder')));
});

test('--out is a PNG or a folder', () => {
  const out = newFolder();
  for (const name of ['mug.jpg', 'mug.JPEG', 'mug.webp', 'a.b.tiff']) {
    assert.throws(
      () => checkOut(join(out, name), 1),
      (error: unknown) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /written as PNG\. Use --out .*\.png/);
        return true;
      },
    );
  }
  mkdirSync(join(out, 'old.jpg'));
  checkOut(join(out, 'old.jpg'), 1);
  checkOut(join(out, 'v1.5'), 3);
  assert.throws(() => checkOut(join(out, 'a.png'), 3), /one file, but there are 3 requests/);
  assert.throws(() => checkOut('', 1), /--out is empty/);
});
