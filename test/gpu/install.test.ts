import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { installFromFolder, installFromIndex } from '../../src/gpu/install.ts';
import {
  installed,
  libraryFolder,
  missingLibraries,
  PROVIDER,
  runtimeVersion,
} from '../../src/gpu/libraries.ts';
import { defaultIndex } from '../../src/gpu/wheel-index.ts';

const view = { say() {}, progress() {} };
const root = mkdtempSync(join(tmpdir(), 'darkroom-gpu-'));
after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  process.env['XDG_CACHE_HOME'] = mkdtempSync(join(root, 'cache-'));
});
afterEach(() => {
  delete process.env['PIP_INDEX_URL'];
});

/** A zip with deflated files. */
function zip(files: Record<string, Uint8Array>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, data] of Object.entries(files)) {
    const packed = deflateRawSync(data);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\0', 'latin1'), fields, place, Buffer.from(name));
    const local = [Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), packed];
    parts.push(...local);
    at += local.reduce((sum, { length }) => sum + length, 0);
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, central, end]);
}

const library = (text: string) => new Uint8Array(Buffer.from(text.repeat(500)));
const provider = new Uint8Array(
  Buffer.from('\0libcublas.so.13\0libcublasLt.so.13\0libcurand.so.10\0libcudart.so.13\0libcudart.so.12\0'),
);

/** The wheels of an index, by package. */
function wheels(): Record<string, { version: string; data: Buffer }> {
  return {
    'onnxruntime-gpu': {
      version: runtimeVersion(),
      data: zip({
        [`onnxruntime/capi/${PROVIDER}`]: provider,
        'onnxruntime/capi/libonnxruntime_providers_shared.so': library('shared'),
        'onnxruntime/capi/libonnxruntime_providers_tensorrt.so': library('not wanted'),
      }),
    },
    'nvidia-cuda-runtime': {
      version: '13.2.86',
      data: zip({ 'nvidia/cu13/lib/libcudart.so.13': library('cudart') }),
    },
    'nvidia-cuda-nvrtc': {
      version: '13.2.86',
      data: zip({ 'nvidia/cu13/lib/libnvrtc.so.13': library('nvrtc') }),
    },
    'nvidia-cublas': {
      version: '13.4.1.3',
      data: zip({
        'nvidia/cu13/lib/libcublas.so.13': library('cublas'),
        'nvidia/cu13/lib/libcublasLt.so.13': library('cublasLt'),
        'nvidia/cu13/lib/../../../../libcublas.so.13.evil': library('nowhere'),
      }),
    },
    'nvidia-curand': {
      version: '10.4.1',
      data: zip({ 'nvidia/cu13/lib/libcurand.so.10': library('curand') }),
    },
    'nvidia-cudnn-cu13': {
      version: '9.26.0.51',
      data: zip({ 'nvidia/cudnn/lib/libcudnn.so.9': library('cudnn') }),
    },
  };
}

interface Index {
  readonly url: string;
  /** The Range header of each request for a wheel. */
  readonly ranges: (string | undefined)[];
  close(): void;
}

async function serve(
  kind: 'json' | 'html',
  change: (all: ReturnType<typeof wheels>) => void = () => {},
): Promise<Index> {
  const all = wheels();
  const true256 = new Map(
    Object.entries(all).map(([name, { data }]) => [name, createHash('sha256').update(data).digest('hex')]),
  );
  change(all);
  const ranges: Index['ranges'] = [];
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url!).split('/')[2] ?? '';
    const wheel = all[name];
    if (wheel === undefined) return response.writeHead(404).end();
    const file = `${name.replaceAll('-', '_')}-${wheel.version}-py3-none-manylinux_2_27_x86_64.whl`;
    if (request.url!.endsWith('.whl')) {
      if (request.method === 'GET') ranges.push(request.headers.range);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': wheel.data.length - from });
      return response.end(request.method === 'HEAD' ? undefined : wheel.data.subarray(from));
    }
    const sha256 = true256.get(name)!;
    const old = `${name.replaceAll('-', '_')}-1.0-py3-none-manylinux_2_27_x86_64.whl`;
    const other = file.replace('manylinux_2_27_x86_64', 'win_amd64');
    if (kind === 'json') {
      response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' });
      const files = [old, other, file].map((filename) => ({ filename, url: filename, hashes: { sha256 } }));
      return response.end(JSON.stringify({ files }));
    }
    response.writeHead(200, { 'content-type': 'text/html' });
    return response.end(
      [old, other, file].map((one) => `<a href="${one}#sha256=${sha256}">${one}</a>`).join('\n'),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
  return { url, ranges, close: () => server.close() };
}

for (const kind of ['json', 'html'] as const) {
  test(`the libraries come from an index in ${kind}, and nothing else of its wheels`, async () => {
    const index = await serve(kind);
    const folder = await installFromIndex(index.url, view);
    index.close();
    assert.equal(folder, libraryFolder());
    assert.deepEqual(
      installed()!
        .files.map(({ name }) => name)
        .toSorted(),
      [
        'libcublas.so.13',
        'libcublasLt.so.13',
        'libcudart.so.13',
        'libcudnn.so.9',
        'libcurand.so.10',
        'libnvrtc.so.13',
        'libonnxruntime_providers_cuda.so',
        'libonnxruntime_providers_shared.so',
      ],
    );
    assert.deepEqual(new Uint8Array(readFileSync(join(folder, 'libcublas.so.13'))), library('cublas'));
    assert.deepEqual(await missingLibraries(folder), []);
    assert.ok(!existsSync(join(folder, 'wheels')));
    assert.ok(
      existsSync(join(folder, 'libonnxruntime.so.1')),
      'onnxruntime finds the provider beside itself',
    );
  });
}

test('what was broken off is gone on with', async () => {
  const index = await serve('json');
  const { data, version } = wheels()['nvidia-cublas']!;
  const downloads = join(libraryFolder(), 'wheels');
  mkdirSync(downloads, { recursive: true });
  writeFileSync(join(downloads, `nvidia-cublas-${version}.whl.part`), data.subarray(0, 40));
  const folder = await installFromIndex(index.url, view);
  index.close();
  assert.ok(index.ranges.includes('bytes=40-'));
  assert.deepEqual(new Uint8Array(readFileSync(join(folder, 'libcublas.so.13'))), library('cublas'));
});

test('a wheel with other bytes than the index names is refused', async () => {
  const index = await serve('json', (all) => {
    all['nvidia-curand']!.data = Buffer.concat([all['nvidia-curand']!.data, Buffer.of(0)]);
  });
  await assert.rejects(installFromIndex(index.url, view), { message: /nvidia-curand.*SHA-256/ });
  index.close();
  assert.equal(installed(), undefined);
});

test('an index without the version that is needed is refused by name', async () => {
  const index = await serve('html', (all) => {
    all['onnxruntime-gpu']!.version = '1.2.3';
  });
  await assert.rejects(installFromIndex(index.url, view), {
    code: 'not_found',
    message: /no wheel of onnxruntime-gpu/,
  });
  index.close();
  await assert.rejects(installFromIndex('http://127.0.0.1:9/simple', view), { message: /cannot be reached/ });
  await assert.rejects(installFromIndex('simple', view), { code: 'bad_request' });
});

test('a folder may hold wheels and libraries', async () => {
  const from = mkdtempSync(join(root, 'from-'));
  const { 'onnxruntime-gpu': first, 'nvidia-cublas': second } = wheels();
  writeFileSync(join(from, 'a.whl'), first!.data);
  writeFileSync(join(from, 'b.whl'), second!.data);
  mkdirSync(join(from, 'deep/lib'), { recursive: true });
  for (const name of ['libcudart.so.13', 'libcurand.so.10', 'libcudnn.so.9', 'libother.so.1'])
    writeFileSync(join(from, 'deep/lib', name), name);
  const folder = await installFromFolder(from, view);
  assert.deepEqual(await missingLibraries(folder), []);
  assert.ok(!existsSync(join(folder, 'libother.so.1')));
});

test('libraries of another CUDA than the provider’s are refused', async () => {
  const from = mkdtempSync(join(root, 'from-'));
  writeFileSync(join(from, 'a.whl'), wheels()['onnxruntime-gpu']!.data);
  for (const name of [
    'libcudart.so.12',
    'libcublas.so.12',
    'libcublasLt.so.12',
    'libcurand.so.10',
    'libcudnn.so.9',
  ])
    writeFileSync(join(from, name), name);
  await assert.rejects(installFromFolder(from, view), {
    code: 'misconfigured',
    message: /needs libcublas\.so\.13, libcublasLt\.so\.13, which is not there/,
  });
});

test('a folder without the provider, and no folder, are refused', async () => {
  await assert.rejects(installFromFolder(mkdtempSync(join(root, 'empty-')), view), { code: 'not_found' });
  await assert.rejects(installFromFolder(join(root, 'nowhere'), view), { code: 'not_found' });
});

test('a damaged zip is refused', async () => {
  const from = mkdtempSync(join(root, 'from-'));
  writeFileSync(join(from, 'a.whl'), wheels()['onnxruntime-gpu']!.data.subarray(0, 200));
  await assert.rejects(installFromFolder(from, view), { message: /no zip that can be read/ });
});

test('the index is the one that pip uses', async () => {
  process.env['PIP_INDEX_URL'] = 'https://example.org/simple';
  assert.equal(await defaultIndex(), 'https://example.org/simple');
});
