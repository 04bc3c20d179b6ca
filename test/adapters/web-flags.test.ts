/** The page's settings: what they write into a line is what the commands read, and the rest of the line stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Flag, readFlag, writeFlag } from '../../adapters/web/page/flags.js';
import type { Options } from '../../commands/command.ts';
import { imagine } from '../../commands/imagine.ts';
import { readLine } from '../../commands/line.ts';

const read = (line: string) => readLine(imagine, line).values as Record<string, string | number>;

function sampleOf(option: Options[string]): string {
  if (option.type === 'integer' || option.type === 'number') return String(option.min);
  if (option.type === 'choice') return option.choices.at(-1)!;
  return (option.type === 'text' ? option.suggestions?.[0] : undefined) ?? option.example ?? 'two words';
}

test('each setting of /imagine is read by the command as the page wrote it, and shown again', () => {
  for (const [name, option] of Object.entries(imagine.options as Options)) {
    if (option.flag === undefined || option.type === 'picture') continue;
    const flag: Flag = {
      flag: option.flag,
      aliases: option.aliases ?? [],
      isWords: option.type === 'text' && option.single !== true,
    };
    const value = sampleOf(option);
    const earlier = flag.isWords ? 'a red mug' : `a ${option.flag} ${value} red mug`;
    for (const line of ['a red mug', earlier]) {
      const written = writeFlag(line, flag, value);
      assert.equal(readFlag(written, flag), value, written);
      const { prompt, [name]: got } = read(written);
      assert.equal(String(got), value, written);
      if (!flag.isWords) assert.equal(prompt, 'a red mug', written);
      const cleared = writeFlag(written, flag, '');
      assert.equal(readFlag(cleared, flag), undefined);
      if (!flag.isWords) assert.equal(cleared, 'a red mug');
    }
  }
});

test('flags as people type them are shown, and only their own part of the line changes', () => {
  const no: Flag = { flag: '--no', aliases: [], isWords: true };
  const seed: Flag = { flag: '--seed', aliases: [], isWords: false };
  const cfg: Flag = { flag: '--cfg', aliases: ['--guidance'], isWords: false };
  const line = '/imagine a mug --no clouds and rain --guidance=7,5 --seed 1 on a table --seed -1';
  assert.deepEqual(
    [no, seed, cfg].map((flag) => readFlag(line, flag)),
    ['clouds and rain', '-1', '7,5'],
  );
  assert.equal(
    writeFlag(writeFlag(line, seed, '9'), cfg, '4'),
    '/imagine a mug --no clouds and rain --cfg 4 --seed 9 on a table',
  );
  assert.equal(
    writeFlag(line, no, 'a "cat"'),
    '/imagine a mug --no "a cat" --guidance=7,5 --seed 1 on a table --seed -1',
  );
  assert.equal(readFlag('a mug --seeds 4', seed), undefined);
  // In linear time, whatever the line.
  assert.equal(readFlag(`--no ${'a '.repeat(10_000)}"`, seed), undefined);
  assert.ok(readFlag(`--no ${'a '.repeat(10_000)}`, no)!.length > 19_000);
});
