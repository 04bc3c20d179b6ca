/** An index of wheels on loopback, with libraries that are only words. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { PROVIDER, runtimeVersion } from '../../src/gpu/libraries.ts';

/** Of an install that nobody looks at. */
export const view = { say() {}, progress() {} };

/** Each test of the file gets an empty cache for its libraries. @returns a folder that is there until all have ended */
export function useEmptyCaches(): string {
  const root = mkdtempSync(join(tmpdir(), 'darkroom-gpu-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  beforeEach(() => {
    process.env['XDG_CACHE_HOME'] = mkdtempSync(join(root, 'cache-'));
  });
  return root;
}

/** A zip with deflated files. */
export function zip(files: Record<string, Uint8Array>): Buffer {
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

export const library = (text: string) => new Uint8Array(Buffer.from(text.repeat(500)));
export const provider = new Uint8Array(
  Buffer.from('\0libcublas.so.13\0libcublasLt.so.13\0libcurand.so.10\0libcudart.so.13\0libcudart.so.12\0'),
);

/** The wheels of an index, by package. */
export function wheels(): Record<string, { version: string; data: Buffer }> {
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

export async function serve(
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
