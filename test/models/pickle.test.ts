/** Pickles: what torch.save writes is read, and nothing in them is ever run. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { readWeights, type Weights } from '../../src/models/weights.ts';
import { temporaryFolder, write } from './forge.ts';
import { type Forged, float, half } from './forge-checkpoint.ts';
import {
  call,
  dict,
  join,
  op,
  pickle,
  tensor,
  text,
  torchFile,
  torchZip,
  whole,
  zip,
} from './forge-pickle.ts';
import { mutations } from './fuzz.ts';

const SMALL: ReadonlyMap<string, Forged> = new Map([
  ['a.weight', float([2, 3], [0, 1, 2, 3, 4, 5])],
  ['b.bias', half([4], Float32Array.of(1, 2, 3, 4))],
]);

async function read(t: TestContext, bytes: Buffer): Promise<Weights> {
  return readWeights(await write(joinPath(await temporaryFolder(t), 'dreams.ckpt'), bytes));
}

for (const form of ['zip', 'legacy'] as const) {
  test(`the ${form} form gives the bytes of each tensor`, async (t) => {
    const weights = await read(t, torchFile(form, SMALL, [['global_step', whole(875000)]]));
    const file = await readFile(weights.file);
    for (const [name, { dtype, shape, bytes }] of SMALL) {
      const stored = weights.tensors.get(name)!;
      assert.deepEqual([stored.dtype, stored.shape], [dtype, shape]);
      assert.deepEqual(file.subarray(stored.offset, stored.offset + stored.length), Buffer.from(bytes));
    }
    assert.equal(weights.numbers.get('global_step'), 875000);
  });

  test(`the ${form} form cut off at 20 places: one sentence each`, async (t) => {
    const whole = torchFile(form, SMALL);
    for (let i = 0; i < 20; i++) {
      await assert.rejects(read(t, whole.subarray(0, Math.floor((i * whole.length) / 20))), {
        code: 'bad_model',
        message: /^dreams\.ckpt is (not a usable|neither a) /,
      });
    }
  });

  test(`the ${form} form with bytes changed: read or refused, and never another error`, async (t) => {
    const file = joinPath(await temporaryFolder(t), 'dreams.ckpt');
    for (const bytes of mutations(torchFile(form, SMALL, [['global_step', whole(1)]]), 300)) {
      await write(file, bytes);
      await readWeights(file).catch((error: unknown) => {
        if (!(error instanceof DarkroomError) || error.code === 'internal') throw error;
      });
    }
  });
}

test('columns are read as such, and a view that skips values is listed as one', async (t) => {
  const of = float([6], [0, 1, 2, 3, 4, 5]);
  const state = dict([
    ['turned', tensor('0', { ...of, shape: [3, 2] }, { strides: [1, 3] })],
    ['skips', tensor('0', { ...of, shape: [2] }, { strides: [2] })],
    ['later', tensor('0', { ...of, shape: [2] }, { offset: 4 })],
  ]);
  const { tensors } = await read(t, torchZip(pickle(state), { 0: of.bytes }));
  assert.deepEqual(tensors.get('turned')?.decode, { transposed: true });
  assert.equal(tensors.get('skips')?.dtype, 'a strided view of F32');
  assert.equal(tensors.get('later')!.offset - tensors.get('turned')!.offset, 16);
});

test('attacks are refused by the name of what they call', async (t) => {
  const argument = join('(', text('id'), 't');
  const attacks: [name: string, pickle: Buffer][] = [
    ['posix.system', call('posix', 'system', 'id')],
    ['os.system', call('os', 'system', 'id')],
    ['builtins.eval', join('\x80\x04', text('builtins'), text('eval'), '\x93', argument, 'R.')],
    ['builtins.exec', join('(', text('1'), 'ibuiltins\nexec\n.')],
    ['os.popen', join('(cos\npopen\n', text('id'), 'o.')],
    ['subprocess.Popen', join('\x80\x02csubprocess\nPopen\n', argument, '\x81.')],
    ['builtins.getattr', join('\x80\x04cbuiltins\ngetattr\n(', text('a'), 't}\x92.')],
    ['torch.load', call('torch', 'load', 'other.pt')],
    ['torch.hub.load', call('torch.hub', 'load', 'x')],
    [
      'torch._utils._rebuild_tensor_v2.__globals__',
      call('torch._utils', '_rebuild_tensor_v2.__globals__', 'x'),
    ],
    ['pytorch_lightning.utilities.os.system', call('pytorch_lightning.utilities', 'os.system', 'id')],
    ['runpy._run_code', call('runpy', '_run_code', 'x')],
    ['numpy.testing._private.utils.runstring', call('numpy.testing._private.utils', 'runstring', 'x')],
    // Within what is allowed: an argument, a key, a value, a state, an item of a list.
    ['posix.system', join('\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(cposix\nsystem\n', argument, 'RtR.')],
    ['posix.system', join('\x80\x02}cposix\nsystem\n', argument, 'RNs.')],
    ['posix.system', pickle(dict([['a', join('cposix\nsystem\n', argument, 'R')]]))],
    ['posix.system', join('\x80\x02ccollections\nOrderedDict\n)R}', text('x'), 'cposix\nsystem\nsb.')],
    ['posix.system', join('\x80\x02](cposix\nsystem\ne.')],
  ];
  for (const [name, attack] of attacks) {
    const legacy = torchFile('legacy', SMALL).subarray(0, 15);
    for (const file of [torchZip(attack), join(legacy, pickle(op('M\xe9\x03')), pickle(op('}')), attack)]) {
      await assert.rejects(read(t, file), {
        code: 'unsupported',
        message: new RegExp(
          `^dreams\\.ckpt asks for ${JSON.stringify(name).replaceAll('.', '\\.')}, .*Nothing of it was run`,
        ),
      });
    }
  }
});

test('what is no file of weights, or wants too much, is one sentence', async (t) => {
  const state = pickle(dict([['a', tensor('0', SMALL.get('a.weight')!)]]));
  const { bytes } = SMALL.get('a.weight')!;
  const nested = join('\x80\x02', '('.repeat(20_000), '.');
  const cases: [message: RegExp, file: Buffer][] = [
    [
      /data\.pkl is packed or encrypted/,
      zip([{ name: 'archive/data.pkl', bytes: Buffer.alloc(1e6), packed: true }]),
    ],
    [
      /entry archive\/data\/0 is packed/,
      zip([
        { name: 'archive/data.pkl', bytes: state },
        { name: 'archive/data/0', bytes, packed: true },
      ]),
    ],
    [
      /holds archive\/data\.pkl twice/,
      zip([
        { name: 'archive/data.pkl', bytes: state },
        { name: 'archive/data.pkl', bytes: state },
      ]),
    ],
    [
      /without one data\.pkl/,
      zip([
        { name: 'a/data.pkl', bytes: state },
        { name: 'b/data.pkl', bytes: state },
      ]),
    ],
    [/lacks data\/0/, torchZip(state)],
    [
      /lacks data\/\.\.\/\.\.\/etc\/passwd/,
      torchZip(pickle(dict([['a', tensor('../../etc/passwd', SMALL.get('a.weight')!)]]))),
    ],
    [/reaches beyond its storage/, torchZip(state, { 0: bytes.subarray(4) })],
    [
      /entry archive\/data\/0 is damaged/,
      zip([
        { name: 'archive/data.pkl', bytes: state },
        { name: 'archive/data/0', bytes, header: 7 },
      ]),
    ],
    [
      /two of its storages overlap/,
      zip([
        {
          name: 'archive/data.pkl',
          bytes: pickle(
            dict([
              ['a', tensor('0', SMALL.get('a.weight')!)],
              ['b', tensor('1', SMALL.get('a.weight')!)],
            ]),
          ),
        },
        { name: 'archive/data/0', bytes },
        {
          name: 'archive/data/1',
          bytes,
          header:
            30 +
            16 +
            pickle(
              dict([
                ['a', tensor('0', SMALL.get('a.weight')!)],
                ['b', tensor('1', SMALL.get('a.weight')!)],
              ]),
            ).length,
        },
      ]),
    ],
    [
      /is a TorchScript program/,
      zip([
        { name: 'm/data.pkl', bytes: state },
        { name: 'm/constants.pkl', bytes },
      ]),
    ],
    [/nested too deeply/, torchZip(nested)],
    [/more than 4000000 operations/, torchZip(join('\x80\x02', 'N0'.repeat(2_000_001), '.'))],
    [/a value takes 18446744073709552000 bytes/, torchZip(join('\x80\x02\x8e', Buffer.alloc(8, 0xff)))],
    [/protocol is 9/, torchZip(op('\x80\x09.'))],
    [/recalls value 7/, torchZip(op('\x80\x02h\x07.'))],
    [/is no operation that weights need/, torchZip(op('\x80\x02\x82\x01.'))],
    [/holds no tensors/, torchZip(pickle(op('}')))],
    [/pickle of another program/, join('\x80\x02}.')],
    [/neither a PyTorch file nor a safetensors/, Buffer.from('hello, I am a checkpoint')],
  ];
  for (const [message, file] of cases) {
    await assert.rejects(read(t, file), (error: unknown) => {
      assert.ok(error instanceof DarkroomError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

test('one value referred to from many places is visited within bounds', async (t) => {
  // Each list holds the one before it twice: 2^60 paths over 60 lists.
  const lists = Array.from({ length: 60 }, (_, i) =>
    join(
      '}(',
      text('l'),
      op(`h${String.fromCharCode(i)}`),
      text('r'),
      op(`h${String.fromCharCode(i)}`),
      `uq${String.fromCharCode(i + 1)}`,
    ),
  );
  await assert.rejects(read(t, torchZip(join('\x80\x02}q\x00', ...lists, '.'))), {
    message: /holds no tensors/,
  });
});
