import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { onFolder } from '../../src/gpu/folder-work.ts';
import { installFromFolder, installFromIndex } from '../../src/gpu/install.ts';
import { libraryFolder, PROVIDER, runtimeVersion } from '../../src/gpu/libraries.ts';
import { fetchFile, findWheel } from '../../src/gpu/wheel-index.ts';
import { provider, serve, useEmptyCaches, view, zip } from './wheels.ts';

const root = useEmptyCaches();

async function answering(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an index that says something else than a list of wheels is refused in a sentence', async (t) => {
  const json = 'application/vnd.pypi.simple.v1+json';
  const hash = { sha256: 'a'.repeat(64) };
  const name = `onnxruntime_gpu-${runtimeVersion()}-py3-none-manylinux_2_27_x86_64.whl`;
  const away = `onnxruntime_gpu-${runtimeVersion()}./../../../away-py3-none-manylinux_2_27_x86_64.whl`;
  const cases: [type: string, text: string, message: RegExp][] = [
    [json, 'no json', /is no JSON\. Use --index URL or --from FOLDER/],
    [json, '{"files": {}}', /does not say what is needed/],
    [json, '{"files": [null]}', /does not say what is needed/],
    [json, JSON.stringify({ files: [{ filename: name, url: name, hashes: null }] }), /has no wheel of/],
    [json, JSON.stringify({ files: [{ filename: name, url: 'http://[', hashes: hash }] }), /has no wheel of/],
    // A version is a name of a file here, and leads to no other folder.
    [json, JSON.stringify({ files: [{ filename: away, url: name, hashes: hash }] }), /has no wheel of/],
    ['text/html', `<a href="%E0%A4%A.whl#sha256=${hash.sha256}">`, /has no wheel of/],
    ['text/html', '<a '.repeat(500_000), /has no wheel of/],
  ];
  for (const [type, text, message] of cases) {
    const index = await answering(t, (_, response) =>
      response.writeHead(200, { 'content-type': type }).end(text),
    );
    const started = findWheel(index.replace('//', '//me:secret@'), {
      name: 'onnxruntime-gpu',
      version: runtimeVersion(),
    });
    await assert.rejects(started, (error: Error) => {
      assert.match(error.message, message, text.slice(0, 80));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});

test('a file that breaks off is gone on with, and one that is longer than was said is not kept', async (t) => {
  const data = Buffer.from('library'.repeat(1000));
  const hash = createHash('sha256').update(data).digest('hex');
  const to = join(root, 'fetched');
  let answer: RequestListener = () => {};
  const server = await answering(t, (request, response) => answer(request, response));
  const file = { name: 'lib', version: '1', url: `${server}/lib`, algorithm: 'sha256', hash } as const;
  const fetched = () => fetchFile(file, to, data.length, () => {});
  answer = (_, response) => {
    response.writeHead(200, { 'content-length': data.length });
    response.write(data.subarray(0, 3000));
    const timer = setInterval(() => {
      if (statSync(`${to}.part`, { throwIfNoEntry: false })?.size !== 3000) return;
      clearInterval(timer);
      response.destroy();
    }, 10);
  };
  await assert.rejects(fetched(), {
    message: 'lib 1 broke off after 0 MiB. Run the command again: it goes on where it stopped.',
  });
  assert.equal(readFileSync(`${to}.part`).length, 3000);
  // A server that answers with another part than was asked for.
  answer = (_, response) => response.writeHead(206, { 'content-range': `bytes 0-6999/7000` }).end(data);
  await fetched();
  assert.deepEqual(readFileSync(to), data);
  rmSync(to);
  answer = (_, response) => response.writeHead(200).end(Buffer.concat([data, data]));
  await assert.rejects(fetched(), { code: 'too_large', message: /is longer than the 7000 bytes/ });
  assert.ok(!existsSync(`${to}.part`));
});

test('an index that answers no HEAD, and sends wheels from another address, is used all the same', async (t) => {
  const index = await serve('json');
  t.after(() => index.close());
  const front = await answering(t, (request, response) => {
    if (request.method === 'HEAD') return response.writeHead(405).end();
    return response.writeHead(302, { location: `${new URL(index.url).origin}${request.url}` }).end();
  });
  assert.equal(await installFromIndex(`${front}/simple`, view), libraryFolder());
});

/** A zip whose directory says something else than its file holds. */
function lying(change: (directory: Buffer) => void): Buffer {
  const bytes = zip({ [`onnxruntime/capi/${PROVIDER}`]: provider });
  change(bytes.subarray(bytes.lastIndexOf('PK\x01\x02', undefined, 'latin1')));
  return bytes;
}

test('wheels that unpack to more than they say, or point out of themselves, leave nothing behind', async () => {
  const cases: Record<string, (directory: Buffer) => void> = {
    'more bytes': (directory) => directory.writeUInt32LE(10, 24),
    'fewer bytes': (directory) => directory.writeUInt32LE(4_000_000, 24),
    'another sum': (directory) => directory.writeUInt32LE(1, 16),
    'no bytes': (directory) => directory.writeUInt32LE(0, 20),
    'beyond its end': (directory) => directory.writeUInt32LE(0x7fffffff, 20),
    'a place beyond its end': (directory) => directory.writeUInt32LE(0x7fffffff, 42),
    'not where it says': (directory) => directory.writeUInt32LE(3, 42),
    'stored, though packed': (directory) => directory.writeUInt16LE(0, 10),
  };
  for (const [name, change] of Object.entries(cases)) {
    const from = mkdtempSync(join(root, 'from-'));
    writeFileSync(join(from, 'a.whl'), lying(change));
    await assert.rejects(
      installFromFolder(from, view),
      { message: /is damaged\. Fetch the file again/ },
      name,
    );
    assert.deepEqual(globSync('*', { cwd: libraryFolder() }), [], name);
  }
  const from = mkdtempSync(join(root, 'from-'));
  writeFileSync(join(from, 'a.whl'), 'short');
  await assert.rejects(installFromFolder(from, view), { message: /is no zip that can be read/ });
});

test('a wheel of another onnxruntime is refused by its version', async () => {
  const from = mkdtempSync(join(root, 'from-'));
  const capi = `onnxruntime/capi/${PROVIDER}`;
  const files = { 'onnxruntime_gpu-1.2.3.dist-info/METADATA': Buffer.from('x'), [capi]: provider };
  writeFileSync(join(from, 'old.whl'), zip(files));
  await assert.rejects(installFromFolder(from, view), {
    message: `old.whl is of onnxruntime 1.2.3; this Darkroom needs the wheel onnxruntime-gpu ${runtimeVersion()}.`,
  });
});

test('one command at a time works on the folder, and a process that is killed holds it no longer', async () => {
  const folder = libraryFolder();
  await onFolder(folder, async () => {
    await assert.rejects(installFromFolder(root, view), {
      message: /Another darkroom gpu command works on .*\. Wait until it has ended/,
    });
  });
  const module = new URL('../../src/gpu/folder-work.ts', import.meta.url).href;
  const killed = `(await import('${module}')).onFolder('${folder}', async () => process.kill(process.pid, 'SIGKILL'))`;
  assert.throws(() => execFileSync(process.execPath, ['--input-type=module', '-e', killed]));
  assert.equal(await onFolder(folder, async () => 'free'), 'free');
});

function linkTo(target: string, link: string): string {
  symlinkSync(target, link);
  return link;
}

test('a folder that cannot be written to, and a full disk, are said in a sentence', async () => {
  const cache = process.env['XDG_CACHE_HOME']!;
  const message = /^The folder .* cannot be used: .*set XDG_CACHE_HOME to another folder/;
  // Below /proc Node's own recursive mkdir never ends.
  for (const place of ['/proc/1', linkTo(join(cache, 'nothing'), join(cache, 'link'))]) {
    process.env['XDG_CACHE_HOME'] = place;
    await assert.rejects(installFromFolder(root, view), { code: 'misconfigured', message });
  }
  process.env['XDG_CACHE_HOME'] = cache;
  writeFileSync(join(cache, 'darkroom'), 'a file');
  await assert.rejects(installFromFolder(root, view), { code: 'misconfigured', message });
  rmSync(join(cache, 'darkroom'));
  mkdirSync(join(cache, 'darkroom'));
  chmodSync(join(cache, 'darkroom'), 0o500);
  // Root may write everywhere.
  if (process.getuid?.() !== 0)
    await assert.rejects(installFromFolder(root, view), { code: 'misconfigured', message });
  const full = Object.assign(new Error('no space left on device, write'), { code: 'ENOSPC' });
  await assert.rejects(
    onFolder(cache, () => Promise.reject(full)),
    { message: /cannot be used: the disk is full/ },
  );
});
