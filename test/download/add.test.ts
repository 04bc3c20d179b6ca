import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { loadSettings } from '../../config/settings.ts';
import type { Precision } from '../../src/engine/device.ts';
import { createDownloads } from '../../src/model-downloads.ts';
import { temporaryFolder } from '../models/forge.ts';
import { answer, COMMIT, dropAfter, type Hubs, listen, openHubs, sendRange, sha256 } from './hubs.ts';

const PATIENCE = { tries: 3, pause: 1, longestWait: 5000, silence: 2000 };
const bytes = (length: number, seed: number) =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed) % 251));

const INDEX = {
  _class_name: 'StableDiffusionPipeline',
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  unet: ['diffusers', 'UNet2DConditionModel'],
  vae: ['diffusers', 'AutoencoderKL'],
  scheduler: ['diffusers', 'PNDMScheduler'],
  safety_checker: ['stable_diffusion', 'StableDiffusionSafetyChecker'],
};
/** A repository as they are: variants, shards, pickles, other frameworks, pictures. */
const FILES = {
  'model_index.json': Buffer.from(JSON.stringify(INDEX)),
  'README.md': Buffer.from('# a model'),
  'sample.png': bytes(5000, 9),
  'v1-5-pruned.ckpt': bytes(6000, 1),
  'text_encoder/config.json': Buffer.from('{}'),
  'text_encoder/model.safetensors': bytes(4000, 2),
  'text_encoder/model.fp16.safetensors': bytes(2000, 3),
  'text_encoder/pytorch_model.bin': bytes(4000, 4),
  'tokenizer/vocab.json': Buffer.from('{"a": 1}'),
  'unet/config.json': Buffer.from('{ }'),
  'unet/diffusion_pytorch_model-00001-of-00002.safetensors': bytes(9000, 5),
  'unet/diffusion_pytorch_model-00002-of-00002.safetensors': bytes(8000, 6),
  'unet/diffusion_pytorch_model.safetensors.index.json': Buffer.from('{"weight_map": {}}'),
  'unet/diffusion_pytorch_model.fp16.safetensors': bytes(3000, 7),
  'vae/config.json': Buffer.from('{  }'),
  'vae/diffusion_pytorch_model.safetensors': bytes(1500, 8),
  'scheduler/scheduler_config.json': Buffer.from('{   }'),
  'safety_checker/model.safetensors': bytes(7000, 10),
};
/** What a float32 device needs of it. */
const NEEDED = Object.keys(FILES)
  .filter((name) => !/png|ckpt|fp16|\.bin|safety/.test(name))
  .toSorted();

interface Stage {
  readonly hubs: Hubs;
  readonly folder: string;
  /** @returns where the model is */
  add(
    address: string,
    env?: Record<string, string>,
    options?: { readonly patience?: typeof PATIENCE; readonly precision?: Precision },
  ): Promise<{ path: string; reused: number; wasThere: boolean }>;
}

async function setUp(t: TestContext): Promise<Stage> {
  const hubs = await openHubs(t);
  const home = await temporaryFolder(t);
  const folder = join(home, 'models');
  const file = join(home, 'empty.json');
  writeFileSync(file, '{}');
  const add: Stage['add'] = async (
    address,
    env = {},
    { patience = PATIENCE, precision = 'float32' } = {},
  ) => {
    const given = {
      HF_ENDPOINT: hubs.hub,
      CIVITAI_API_URL: hubs.civitai,
      HF_HOME: home,
      ...env,
    };
    const downloads = createDownloads(loadSettings(given, file).settings, { patience });
    const plan = await downloads.plan(downloads.parse(address), async () => precision);
    let last = 0;
    const fetched = await downloads.fetch(plan, folder, {
      onProgress: (now) => {
        last = now;
      },
    });
    if (!fetched.wasThere)
      assert.equal(
        last,
        plan.files.reduce((sum, one) => sum + one.bytes, 0),
      );
    return fetched;
  };
  return { hubs, folder, add };
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();

test('of a pipeline only the files that are read are fetched, and nothing twice', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  hubs.repositories.set('ada/tiny', { files: FILES, licence: 'mit' });
  const { path } = await add('ada/tiny');
  assert.equal(path, join(folder, 'tiny'));
  assert.deepEqual(filesIn(path), ['darkroom-source.json', ...NEEDED].toSorted());
  for (const name of NEEDED)
    assert.deepEqual(readFileSync(join(path, name)), FILES[name as keyof typeof FILES]);
  const origin = JSON.parse(readFileSync(join(path, 'darkroom-source.json'), 'utf8'));
  assert.deepEqual([origin.source, origin.licence], [`ada/tiny@${COMMIT}`, 'mit']);
  assert.deepEqual(readdirSync(join(folder, '.incoming')), []);

  const before = hubs.seen.filter(({ host }) => host === 'files').length;
  assert.equal((await add(`${hubs.hub}/ada/tiny/tree/main`)).wasThere, true);
  assert.equal(hubs.seen.filter(({ host }) => host === 'files').length, before);
});

test('in float16 the files of that precision are fetched, and for int8 those of float32', async (t) => {
  const { hubs, add } = await setUp(t);
  hubs.repositories.set('ada/half', { files: FILES }).set('ada/whole', { files: FILES });
  const half = filesIn((await add('ada/half', {}, { precision: 'float16' })).path);
  assert.deepEqual(
    half.filter((name) => /^(unet|text_encoder)\/.*safetensors/.test(name)),
    ['text_encoder/model.fp16.safetensors', 'unet/diffusion_pytorch_model.fp16.safetensors'],
  );
  const whole = filesIn((await add('ada/whole', {}, { precision: 'int8' })).path);
  assert.deepEqual(whole, ['darkroom-source.json', ...NEEDED].toSorted());
});

test('a model of another owner and the same name gets a name of its own', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  hubs.repositories.set('ada/tiny', { files: FILES }).set('bob/tiny', { files: FILES });
  await add('ada/tiny');
  assert.equal((await add('bob/tiny')).path, join(folder, 'bob--tiny'));
});

test('a download that is dropped goes on where it was, in this run and in the next', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  const weights = bytes(200_000, 3);
  hubs.repositories.set('ada/one', { files: { 'one.safetensors': weights } });
  hubs.faults.set('one.safetensors', [dropAfter(70_000), dropAfter(50_000)]);
  await add('ada/one');
  assert.deepEqual(
    hubs.seen.filter(({ host }) => host === 'files').map(({ range }) => range),
    [undefined, 'bytes=70000-', 'bytes=120000-'],
  );
  assert.deepEqual(readFileSync(join(folder, 'one.safetensors')), weights);

  hubs.repositories.set('ada/two', { files: { 'two.safetensors': weights } });
  hubs.faults.set('two.safetensors', [dropAfter(70_000), ...Array.from({ length: 3 }, () => answer(503))]);
  await assert.rejects(add('ada/two'), {
    code: 'not_found',
    message: /answered 503, 3 times in a row.*what has come is kept/,
  });
  assert.ok(!existsSync(join(folder, 'two.safetensors')));
  // A week later what nobody went on with is deleted; what is gone on with now is not.
  const incoming = join(folder, '.incoming');
  const [left] = readdirSync(incoming);
  for (const name of [left!, 'other-0']) {
    mkdirSync(join(incoming, name), { recursive: true });
    writeFileSync(join(incoming, name, 'x.part'), '');
  }
  const hours = (count: number) => new Date(Date.now() - count * 3_600_000);
  const age = (name: string, count: number) => {
    for (const one of readdirSync(join(incoming, name)))
      utimesSync(join(incoming, name, one), hours(count), hours(count));
    utimesSync(join(incoming, name), hours(count), hours(count));
  };
  age(left!, 200);
  age('other-0', 167);
  hubs.repositories.set('ada/three', { files: { 'three.safetensors': weights } });
  await add('ada/two');
  assert.deepEqual(readdirSync(incoming), ['other-0']);
  age('other-0', 169);
  await add('ada/three');
  assert.deepEqual(readdirSync(incoming), []);
  const ranges = hubs.seen.filter(({ path, host }) => host === 'files' && path === `/${sha256(weights)}`);
  assert.equal(ranges.at(-2)!.range, 'bytes=70000-');
  assert.deepEqual(readFileSync(join(folder, 'two.safetensors')), weights);
});

test('a server without ranges, a refused range and a connection that falls silent cost time, not the file', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  const weights = bytes(50_000, 3);
  hubs.repositories.set('ada/one', { files: { 'one.safetensors': weights } });
  hubs.faults.set('one.safetensors', [
    dropAfter(20_000),
    answer(416),
    dropAfter(10_000),
    (_request, response, all) => void response.writeHead(200, { 'content-length': all.length }).end(all),
  ]);
  await add('ada/one');
  assert.deepEqual(readFileSync(join(folder, 'one.safetensors')), weights);

  // Who never gets further than before is given up.
  hubs.repositories.set('ada/two', { files: { 'two.safetensors': weights } });
  const again = (_request: unknown, response: import('node:http').ServerResponse, all: Buffer) => {
    response.writeHead(200, { 'content-length': all.length });
    response.write(all.subarray(0, 5000), () => setTimeout(() => response.destroy(), 20));
  };
  hubs.faults.set(
    'two.safetensors',
    Array.from({ length: 10 }, () => again),
  );
  await assert.rejects(add('ada/two'), { message: /broke off, 3 times in a row/ });
});

test('servers that pack, lie about lengths, redirect in a ring or trickle are given up by name', async (t) => {
  const { folder, add } = await setUp(t);
  const weights = bytes(5000, 3);
  const send = (response: ServerResponse, length: number, body: Buffer) => {
    // What a server announces and what it sends need not agree.
    response.socket!.write(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`);
    response.socket!.end(body);
  };
  const ways: Record<string, (response: ServerResponse) => unknown> = {
    packed: (response) =>
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-length': gzipSync(weights).length })
        .end(gzipSync(weights)),
    longer: (response) => send(response, 9000, weights),
    ring: (response) => response.writeHead(302, { location: '/ring.safetensors' }).end(),
    trickle(response) {
      response.writeHead(200, { 'content-length': 5000 });
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    },
  };
  const origin = await listen(t, (request, response) =>
    ways[/(\w+)\.safetensors/.exec(request.url!)![1]!]!(response),
  );
  const refused: [way: string, message: RegExp][] = [
    ['packed', /sends the file packed/],
    ['longer', /broke off, 3 times in a row/],
    ['ring', /redirects more than 8 times/],
    ['trickle', /sends next to nothing, 3 times in a row/],
  ];
  for (const [way, message] of refused)
    await assert.rejects(
      add(`${origin}/${way}.safetensors`, {}, { patience: { ...PATIENCE, silence: 200 } }),
      { message },
      way,
    );
  assert.deepEqual(
    filesIn(folder).filter((name) => name.endsWith('.safetensors')),
    [],
  );
});

test('a hub’s file that comes longer, shorter or packed is its own file or none', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  const weights = bytes(5000, 3);
  hubs.repositories.set('ada/one', { files: { 'one.safetensors': weights } });
  hubs.faults.set('one.safetensors', [
    (_request, response) => void response.writeHead(200).end(weights.subarray(0, 4000)),
    (_request, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(weights)),
  ]);
  await add('ada/one');
  assert.deepEqual(readFileSync(join(folder, 'one.safetensors')), weights);
  hubs.repositories.set('ada/two', { files: { 'two.safetensors': weights } });
  hubs.faults.set('two.safetensors', [
    (_request, response) => void response.writeHead(200).end(bytes(6000, 3)),
  ]);
  await assert.rejects(add('ada/two'), { message: /two\.safetensors is larger than the 5000 bytes/ });
});

test('bytes that are not those that the hub names are refused and thrown away', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  const weights = bytes(5000, 3);
  hubs.repositories.set('ada/one', {
    files: { 'one.safetensors': weights },
    wrongHashes: { 'one.safetensors': 'a'.repeat(64) },
  });
  await assert.rejects(add('ada/one'), {
    code: 'bad_model',
    message: /one\.safetensors came damaged: its SHA-256/,
  });
  assert.deepEqual(filesIn(folder), []);
  // Small files have a hash of git's.
  const spoilt = { ...FILES, 'vae/config.json': Buffer.from('{}') };
  hubs.repositories.set('ada/tiny', { files: spoilt });
  hubs.faults.set('config.json', [
    (request, response) => sendRange(request, response, Buffer.from('[]')),
    (request, response) => sendRange(request, response, Buffer.from('[]')),
  ]);
  await assert.rejects(add('ada/tiny'), {
    code: 'bad_model',
    message: /config\.json came damaged: its hash/,
  });
  assert.ok(!existsSync(join(folder, 'tiny')));
});

test('a server that asks for patience gets it, within limits', async (t) => {
  const { hubs, add } = await setUp(t);
  hubs.repositories.set('ada/one', { files: { 'one.safetensors': bytes(5000, 3) } });
  hubs.faults.set('one.safetensors', [answer(429, { 'retry-after': '1' })]);
  const started = Date.now();
  await add('ada/one');
  assert.ok(Date.now() - started >= 1000);
  hubs.repositories.set('ada/two', { files: { 'two.safetensors': bytes(5000, 3) } });
  const late = new Date(Date.now() + 3_600_000).toUTCString();
  hubs.faults.set('two.safetensors', [answer(429, { 'retry-after': late })]);
  await assert.rejects(add('ada/two'), { code: 'too_many', message: /asks to wait 60 minutes/ });
});

test('the token goes to the hub and to no other host', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  hubs.repositories.set('ada/shut', {
    files: { 'shut.safetensors': bytes(5000, 3) },
    token: 'hf_secret',
    gated: 'auto',
  });
  await add('ada/shut', { HF_TOKEN: 'hf_secret' });
  const tokens = (host: string) => hubs.seen.filter((one) => one.host === host).map(({ token }) => token);
  assert.ok(tokens('hub').includes('Bearer hf_secret'));
  assert.deepEqual(new Set(tokens('files')), new Set([undefined]));

  // A list of files whose next page lies elsewhere gets none either.
  let asked: string | undefined | null = null;
  const thief = await listen(t, (request, response) => {
    asked = request.headers.authorization;
    response.end('[]');
  });
  const hub = await listen(t, (request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url!.includes('/revision/'))
      return response.end(JSON.stringify({ id: 'a/b', sha: COMMIT, gated: false }));
    response.setHeader('link', `<${thief}/next>; rel="next"`);
    return response.end('[]');
  });
  await assert.rejects(add('a/b', { HF_ENDPOINT: hub, HF_TOKEN: 'hf_secret' }), { code: 'unsupported' });
  assert.equal(asked, undefined);
  assert.ok(existsSync(join(folder, 'shut.safetensors')));
});

test('what cannot be read is said before anything is fetched', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  hubs.repositories.set('ada/shut', {
    files: { 'shut.safetensors': bytes(5000, 3) },
    token: 'hf_right',
    gated: 'manual',
  });
  hubs.repositories.set('ada/many', {
    files: { 'a.safetensors': bytes(2000, 1), 'b.safetensors': bytes(2000, 2) },
  });
  hubs.repositories.set('ada/words', { files: { 'model.gguf': bytes(2000, 1) } });
  hubs.repositories.set('ada/other', {
    files: { ...FILES, 'model_index.json': Buffer.from('{"_class_name": "VideoPipeline"}') },
  });
  hubs.repositories.set('ada/flax', {
    files: {
      'model_index.json': FILES['model_index.json'],
      'unet/diffusion_flax_model.msgpack': bytes(2000, 1),
    },
  });
  hubs.repositories.set('ada/tiny', { files: FILES });
  const cases: [string, RegExp, Record<string, string>?][] = [
    ['ada/shut', /ada\/shut is gated\. Accept its terms on http.*set HF_TOKEN/],
    ['ada/shut', /token in HF_TOKEN may not read ada\/shut/, { HF_TOKEN: 'hf_wrong' }],
    ['ada/nothing', /has no ada\/nothing that everybody may read/],
    ['ada/tiny@v2', /ada\/tiny has no revision v2/],
    [`${hubs.hub}/ada/tiny/blob/main/none.safetensors`, /has no file none\.safetensors/],
    ['ada/many', /has 2 models\. Name one: .*\/blob\/main\/a\.safetensors/],
    ['ada/words', /no model that Darkroom reads/],
    ['ada/other', /_class_name is "VideoPipeline"/],
    ['ada/flax', /unet has no weights as safetensors/],
    ['ada', /is no model's address/],
    ['../..', /is no model's address/],
    ['ada/tiny@../../x', /is no model's address/],
    ['http://user:secret@127.0.0.1/x.safetensors', /is no model's address/],
    ['http://127.0.0.1:9/x.safetensors', /127\.0\.0\.1:9 cannot be reached, 3 times in a row/],
  ];
  for (const [address, message, env] of cases) await assert.rejects(add(address, env), { message }, address);
  assert.ok(!existsSync(folder) || filesIn(folder).length === 0);
});

test('a list of files that never ends is given up, also where its pages are empty', async (t) => {
  const { add } = await setUp(t);
  let pages = 0;
  const hub: string = await listen(t, (request, response) => {
    const isList = request.url!.includes('/tree/');
    if (isList)
      response.setHeader('link', `<${hub}${request.url!.split('?')[0]}?cursor=${++pages}>; rel="next"`);
    response.end(
      isList ? '[]' : JSON.stringify({ _id: '1', id: 'ada/one', sha: COMMIT, lastModified: '2026-01-01' }),
    );
  });
  await assert.rejects(add('ada/one', { HF_ENDPOINT: hub }), { code: 'too_large' });
  assert.ok(pages <= 500, `${pages}`);
});

test('files that the Hub’s own tools have fetched are used', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  const weights = FILES['text_encoder/model.safetensors'];
  hubs.repositories.set('ada/tiny', { files: FILES });
  const cache = join(dirname(folder), 'hub', 'models--ada--tiny');
  const blob = join(cache, 'blobs', sha256(weights));
  mkdirSync(dirname(blob), { recursive: true });
  writeFileSync(blob, weights);
  const snapshot = join(cache, 'snapshots', COMMIT, 'vae');
  mkdirSync(snapshot, { recursive: true });
  // One that was spoilt on the disk is fetched again.
  writeFileSync(join(cache, 'blobs', 'bad'), bytes(1500, 77));
  symlinkSync('../../../blobs/bad', join(snapshot, 'diffusion_pytorch_model.safetensors'));
  const { path, reused } = await add('ada/tiny');
  assert.equal(reused, weights.length);
  assert.ok(!hubs.seen.some(({ path: asked }) => asked.includes('text_encoder/model.safetensors')));
  assert.equal(statSync(join(path, 'text_encoder/model.safetensors')).ino, statSync(blob).ino);
  assert.deepEqual(
    readFileSync(join(path, 'vae/diffusion_pytorch_model.safetensors')),
    FILES['vae/diffusion_pytorch_model.safetensors'],
  );
});

test('a model that is larger than the disk, and a disk that fills up, are said', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  const hub = await listen(t, (request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url!.includes('/revision/'))
      return response.end(JSON.stringify({ id: 'a/b', sha: COMMIT, gated: false }));
    const lfs = { oid: 'a'.repeat(64), size: 2e16, pointerSize: 1 };
    return response.end(
      JSON.stringify([{ type: 'file', path: 'b.safetensors', size: 2e16, oid: 'b'.repeat(40), lfs }]),
    );
  });
  await assert.rejects(add('a/b', { HF_ENDPOINT: hub }), {
    code: 'too_large',
    message: /needs 20 PB in .*are free/,
  });

  hubs.repositories.set('ada/one', { files: { 'one.safetensors': bytes(5000, 3) } });
  hubs.faults.set('one.safetensors', [answer(503), answer(503), answer(503)]);
  await assert.rejects(add('ada/one'), { message: /503/ });
  const [incoming = ''] = readdirSync(join(folder, '.incoming')).filter((name) => name.startsWith('one'));
  const part = join(folder, '.incoming', incoming, 'one.safetensors.part');
  // Writing to /dev/full fails as on a full disk.
  (await import('node:fs')).rmSync(part);
  symlinkSync('/dev/full', part);
  await assert.rejects(add('ada/one'), {
    code: 'too_large',
    message: /one\.safetensors cannot be stored: the disk is full/,
  });
});

test('a file of an address gets the name that its server gives it, and no other place', async (t) => {
  const { folder, add } = await setUp(t);
  const weights = bytes(5000, 3);
  const names = [
    'attachment; filename="../../my model.safetensors"',
    undefined,
    'attachment; filename=page.html',
  ];
  const origin = await listen(t, (request, response) => {
    const name = names[Number(/n=(\d)/.exec(request.url!)?.[1] ?? 1)];
    if (name !== undefined) response.setHeader('content-disposition', name);
    sendRange(request, response, weights);
  });
  assert.equal((await add(`${origin}/get?n=0`)).path, join(folder, 'my model.safetensors'));
  assert.equal(
    (await add(`${origin}/a/other.safetensors?n=1&signature=secret`)).path,
    join(folder, 'other.safetensors'),
  );
  assert.ok(!readFileSync(join(folder, 'other.source.json'), 'utf8').includes('secret'));
  await assert.rejects(add(`${origin}/get?n=2`), { message: /offers "page\.html"/ });
  await assert.rejects(add(`${origin}/b/other.safetensors?n=1`), {
    message: /other\.safetensors is there already and is not this model/,
  });
});

test('Civitai: by number, by page, with its token and terms', async (t) => {
  const { hubs, folder, add } = await setUp(t);
  const weights = bytes(5000, 3);
  const file = (name: string, extra: object) => ({
    ...{ name, type: 'Model', sizeKB: 4.88, downloadUrl: `${hubs.civitai}/api/download/models/20`, ...extra },
    hashes: { SHA256: sha256(weights).toUpperCase() },
  });
  const version = {
    ...{ id: 20, modelId: 7, name: 'v2', baseModel: 'SDXL 1.0', trainedWords: ['dark room'] },
    files: [file('x.ckpt', { primary: true }), file('x.safetensors', {}), file('x.yaml', { type: 'Config' })],
  };
  const model = {
    id: 7,
    name: 'X',
    allowNoCredit: false,
    allowCommercialUse: ['None'],
    modelVersions: [version],
  };
  hubs.civitaiAnswers.set('/api/v1/models/7', model).set('/api/v1/model-versions/20', version);
  hubs.civitaiFiles.set('20', { name: 'x.safetensors', bytes: weights, token: 'key' });
  await assert.rejects(add('civitai:7'), { code: 'forbidden', message: /Make an API key .* CIVITAI_TOKEN/ });
  await assert.rejects(add('civitai:7@21'), { message: /has no version 21\. It has 20 \(v2\)/ });
  await assert.rejects(add('civitai:8'), { code: 'not_found' });
  const env = { CIVITAI_TOKEN: 'key' };
  for (const address of [
    'civitai:7',
    'civitai:7@20',
    'https://civitai.com/models/7/x-y?modelVersionId=20',
    `${hubs.civitai}/api/download/models/20`,
  ])
    assert.equal((await add(address, env)).path, join(folder, 'x.safetensors'));
  assert.deepEqual(
    new Set(hubs.seen.filter(({ host }) => host === 'files').map(({ token }) => token)),
    new Set([undefined]),
  );
  const origin = JSON.parse(readFileSync(join(folder, 'x.source.json'), 'utf8'));
  assert.deepEqual(
    [origin.source, origin.licence, origin.commercial_use, origin.base_model, origin.trigger_words],
    ['civitai:7@20', 'Civitai: credit the creator; no commercial use', false, 'SDXL 1.0', ['dark room']],
  );
});
