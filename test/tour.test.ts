/**
 * From a folder of A1111, and from one of ComfyUI, to pictures in the web chat: one setting, nothing converted. Random
 * weights in the layouts that such files have; forge-checkpoint.ts makes them.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from './models/forge.ts';
import { forgeModel, writeSafetensors } from './models/forge-checkpoint.ts';
import { random, scalar, type Values, writeLora } from './models/lora-files.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');

interface Message {
  readonly id: string;
  readonly text: string;
  readonly pictures: readonly { readonly url: string }[];
  readonly job?: { readonly state: string; readonly error?: { readonly message: string } };
}

async function serve(t: TestContext, models: string) {
  const data = await mkdtemp(join(tmpdir(), 'darkroom-tour-'));
  const env = {
    ...{ ...process.env, DARKROOM_MODELS: models, DARKROOM_DATA: data },
    ...{ DARKROOM_PORT: '0', DARKROOM_DEVICES: 'cpu', DARKROOM_WEB_USERS: 'header' },
  };
  const child = spawn(process.execPath, [MAIN, 'serve'], { env });
  child.stderr.resume();
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    // Its engine ends a moment after it.
    await rm(data, { recursive: true, force: true, maxRetries: 5 });
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('serve ended')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('http://')) resolve(line);
    });
  });
  const headers = { 'x-darkroom-user': 'ada', origin: url };
  const messages = async () => {
    const body = (await (await fetch(`${url}/api/messages`, { headers })).json()) as
      | Message[]
      | { messages: Message[] };
    return Array.isArray(body) ? body : body.messages;
  };
  return {
    /** @returns the bytes of the picture without its texts: equal pixels are equal bytes */
    async draw(line: string): Promise<string> {
      const form = new FormData();
      form.set('text', line);
      const answer = await fetch(`${url}/api/messages`, { method: 'POST', body: form, headers });
      const said = (await answer.json()) as { message: string | Message };
      assert.equal(answer.status, 202, JSON.stringify(said));
      const id = typeof said.message === 'string' ? said.message : said.message.id;
      for (;;) {
        const message = (await messages()).find((one) => one.id === id)!;
        assert.notEqual(message.job?.state, 'failed', message.job?.error?.message);
        if (message.job?.state === 'done') {
          const picture = await fetch(new URL(message.pictures[0]!.url, url), { headers });
          return pixelsOf(Buffer.from(await picture.arrayBuffer()));
        }
        await sleep(50);
      }
    },
    async refused(line: string): Promise<string> {
      const form = new FormData();
      form.set('text', line);
      const answer = await fetch(`${url}/api/messages`, { method: 'POST', body: form, headers });
      return JSON.stringify(await answer.json());
    },
  };
}

/** The IDAT chunks of a PNG. */
function pixelsOf(png: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return Buffer.concat(parts).toString('base64');
}

/** A LoRA as kohya's scripts write it for SDXL. */
async function writeInk(folder: string, name: string): Promise<void> {
  const tensors: Record<string, Values> = {};
  for (const [original, { shape }] of forgeModel('sdxl').single) {
    const layer = /^model\.diffusion_model\.(.*attn1\.to_q)\.weight$/
      .exec(original)?.[1]
      ?.replaceAll('.', '_');
    if (layer === undefined) continue;
    tensors[`lora_unet_${layer}.lora_down.weight`] = random(1, 4, shape[1]!);
    tensors[`lora_unet_${layer}.lora_up.weight`] = random(2, shape[0]!, 4);
    tensors[`lora_unet_${layer}.alpha`] = scalar(4);
  }
  assert.ok(Object.keys(tensors).length > 0);
  await writeLora(folder, name, tensors, { ss_output_name: name, ss_base_model_version: 'sdxl_base_v1-0' });
}

const SIZE = '--steps 2 --size 64x64 --seed 1';

test('a folder of A1111: a checkpoint, a LoRA, a VAE and an embedding, by their names', async (t) => {
  const root = await temporaryFolder(t);
  const models = join(root, 'models');
  await writeSafetensors(
    join(models, 'Stable-diffusion/sdxl/Dream XL v2.safetensors'),
    forgeModel('sdxl').single,
  );
  await writeSafetensors(join(models, 'Stable-diffusion/photo.safetensors'), forgeModel('sd1').single);
  await writeInk(join(models, 'Lora'), 'ink');
  const vae = [...forgeModel('sd1').single].filter(([name]) => name.startsWith('first_stage_model.'));
  await writeSafetensors(
    join(models, 'VAE/soft.safetensors'),
    new Map(vae.map(([name, of]) => [name.replace('first_stage_model.', ''), of])),
  );
  await writeLora(join(root, 'embeddings'), 'moody', { clip_l: random(3, 2, 32), clip_g: random(4, 2, 32) });
  const chat = await serve(t, models);
  const plain = await chat.draw(`/imagine a moody lamp --model "Dream XL v2" ${SIZE}`);
  const inked = await chat.draw(`/imagine a moody lamp <lora:ink:0.8> --model "Dream XL v2" ${SIZE}`);
  assert.notEqual(inked, plain);
  assert.notEqual(
    await chat.draw(`/imagine a moody lamp --vae soft --model "Dream XL v2" ${SIZE}`),
    plain,
    'another VAE',
  );
  // Before it is queued.
  assert.match(await chat.refused(`/imagine a lamp --vae sofd --model photo ${SIZE}`), /no VAE sofd.*soft/);
  await rm(join(root, 'embeddings/moody.safetensors'));
  await sleep(1500);
  assert.notEqual(await chat.draw(`/imagine a moody lamp --model "Dream XL v2" ${SIZE}`), plain);
  assert.notEqual(await chat.draw(`/imagine a lamp --model photo ${SIZE}`), plain);
  assert.match(
    await chat.refused(`/imagine a lamp <lora:ink:1> --model photo ${SIZE}`),
    /Stable Diffusion XL|ink/,
  );
});

test('a folder of ComfyUI: what is dropped in while it runs is used', async (t) => {
  const models = join(await temporaryFolder(t), 'ComfyUI/models');
  await writeSafetensors(join(models, 'checkpoints/dream.safetensors'), forgeModel('sdxl').single);
  const chat = await serve(t, models);
  const plain = await chat.draw(`/imagine a lamp --model dream ${SIZE}`);
  await writeInk(join(models, 'loras/styles'), 'ink wash');
  assert.notEqual(await chat.draw(`/imagine a lamp --lora "ink wash:0.8" --model dream ${SIZE}`), plain);
  await writeSafetensors(join(models, 'checkpoints/late.safetensors'), forgeModel('sdxl').single);
  assert.equal(await chat.draw(`/imagine a lamp --model late ${SIZE}`), plain);
  assert.ok((await readFile(join(models, 'checkpoints/late.safetensors'))).length > 0);
});
