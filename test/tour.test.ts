/**
 * From a folder of A1111, and from one of ComfyUI, to pictures in the web chat: one setting, nothing converted. Random
 * weights in the layouts that such files have; make-folders.ts makes them.
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
import { makeA1111Folder, makeComfyFolder, writeInk } from './models/make-folders.ts';

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
  const gone = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await gone;
    // Its engine ends a moment after it.
    await rm(data, { recursive: true, force: true, maxRetries: 5 });
  });
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('serve ended')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
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
  const ended = async (line: string): Promise<Message> => {
    const form = new FormData();
    form.set('text', line);
    const answer = await fetch(`${url}/api/messages`, { method: 'POST', body: form, headers });
    const said = (await answer.json()) as { message: string | Message };
    assert.equal(answer.status, 202, JSON.stringify(said));
    const id = typeof said.message === 'string' ? said.message : said.message.id;
    for (;;) {
      const message = (await messages()).find((one) => one.id === id)!;
      if (message.job?.state === 'done' || message.job?.state === 'failed') return message;
      await sleep(50);
    }
  };
  return {
    /** @returns the bytes of the picture without its texts: equal pixels are equal bytes */
    async draw(line: string): Promise<string> {
      const { job, pictures } = await ended(line);
      assert.equal(job?.state, 'done', job?.error?.message);
      const picture = await fetch(new URL(pictures[0]!.url, url), { headers });
      return pixelsOf(Buffer.from(await picture.arrayBuffer()));
    },
    /** Why a job did not draw. */
    async failed(line: string): Promise<string> {
      const { job } = await ended(line);
      assert.equal(job?.state, 'failed');
      return job?.error?.message ?? '';
    },
    /** What the log calls errors. */
    errors: () => lines.filter((line) => line.startsWith('{') && JSON.parse(line).level >= 50),
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

const SIZE = '--steps 2 --size 64x64 --seed 1';

test('a folder of A1111: a checkpoint, a LoRA, a VAE and an embedding, by their names', async (t) => {
  const root = await temporaryFolder(t);
  const models = await makeA1111Folder(root);
  const chat = await serve(t, models);
  const plain = await chat.draw(`/imagine a moody lamp --model "Dream XL v2" ${SIZE}`);
  const inked = await chat.draw(`/imagine a moody lamp <lora:ink wash:0.8> --model "Dream XL v2" ${SIZE}`);
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
    await chat.failed(`/imagine a lamp <lora:ink wash:1> --model photo ${SIZE}`),
    /ink wash is a LoRA for Stable Diffusion XL and does not fit photo/,
  );
  assert.deepEqual(chat.errors(), [], 'a mistake of a user is no error of the log');
});

test('a folder of ComfyUI: what is dropped in while it runs is used', async (t) => {
  const models = await makeComfyFolder(await temporaryFolder(t));
  const chat = await serve(t, models);
  const plain = await chat.draw(`/imagine a lamp --model dream ${SIZE}`);
  assert.notEqual(
    await chat.draw(`/imagine a lamp --model bare ${SIZE}`),
    plain,
    'a UNet by itself, its parts from their folders',
  );
  await writeInk(join(models, 'loras/styles'), 'late ink');
  assert.notEqual(await chat.draw(`/imagine a lamp --lora "late ink:0.8" --model dream ${SIZE}`), plain);
  await writeSafetensors(join(models, 'checkpoints/late.safetensors'), forgeModel('sdxl').single);
  assert.equal(await chat.draw(`/imagine a lamp --model late ${SIZE}`), plain);
  assert.ok((await readFile(join(models, 'checkpoints/late.safetensors'))).length > 0);
});
