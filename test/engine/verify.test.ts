/** "Good" means that the model draws: every graph is built and a picture is planned, without loading weights. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verifyModel } from '../../src/engine/verify.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { copyModel, write } from '../models/forge.ts';

/** A copy of a tiny model with the header of one weight file changed; the bytes of its tensors stay. */
async function withHeader(
  t: TestContext,
  file: string,
  change: (header: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>) => void,
  more = 0,
): Promise<string> {
  const folder = await copyModel(t, 'tiny-sd15');
  const path = join(folder, file);
  const bytes = await readFile(path);
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, end).toString());
  delete header.__metadata__;
  change(header);
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await write(path, Buffer.concat([length, json, bytes.subarray(end), Buffer.alloc(more)]));
  return folder;
}

const CLIP = join('text_encoder', 'model.safetensors');

test('a whole model is good, and what nobody needs is listed', async (t) => {
  assert.deepEqual((await verifyModel(await openModelFolder(await copyModel(t, 'tiny-sd15')))).unused, []);
  let end = 0;
  const folder = await withHeader(
    t,
    CLIP,
    (header) => {
      end = Math.max(...Object.values(header).map(({ data_offsets: [, last] }) => last!));
      header['logit_scale'] = { dtype: 'F32', shape: [], data_offsets: [end, end + 4] };
    },
    4,
  );
  assert.deepEqual((await verifyModel(await openModelFolder(folder))).unused, ['logit_scale']);
});

for (const [dtype, halves] of [
  ['I8', 4],
  ['I64', 1 / 2],
] as const) {
  test(`weights stored as ${dtype} are refused by name`, async (t) => {
    const folder = await withHeader(t, join('vae', 'diffusion_pytorch_model.safetensors'), (header) => {
      const name = 'decoder.conv_in.weight';
      const { shape } = header[name]!;
      header[name] = { ...header[name]!, dtype, shape: [shape[0]! * halves, ...shape.slice(1)] };
    });
    const spec = await openModelFolder(folder);
    await assert.rejects(verifyModel(spec), {
      code: 'unsupported',
      message: new RegExp(`is stored as ${dtype}`),
    });
  });
}

test('a missing tensor, and a scheduler option that cannot be carried out, are found', async (t) => {
  const lacking = await withHeader(t, CLIP, (header) => {
    const name = Object.keys(header).find((key) => key.endsWith('final_layer_norm.bias'))!;
    header['spare'] = header[name]!;
    delete header[name];
  });
  await assert.rejects(verifyModel(await openModelFolder(lacking)), {
    message: /lack .*final_layer_norm\.bias/,
  });
  const folder = await copyModel(t, 'tiny-sd15');
  const file = join(folder, 'scheduler', 'scheduler_config.json');
  const config = JSON.parse(await readFile(file, 'utf8'));
  await write(file, JSON.stringify({ ...config, beta_schedule: 'warp' }));
  await assert.rejects(verifyModel(await openModelFolder(folder)), { message: /beta_schedule/ });
});
