import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
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
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, test } from 'node:test';
import { diagnoseCuda } from '../../src/gpu/diagnose.ts';
import { installFromFolder, installFromIndex, installFromVendors } from '../../src/gpu/install.ts';
import {
  installed,
  isSupported,
  libraryFolder,
  missingLibraries,
  PROVIDER,
  runtimeVersion,
} from '../../src/gpu/libraries.ts';
import { configuredIndex } from '../../src/gpu/wheel-index.ts';
import { sayIn } from '../../src/sentences.ts';
import { library, provider, serve, useEmptyCaches, view, wheels, zip } from './wheels.ts';

const root = useEmptyCaches();
afterEach(() => {
  delete process.env['PIP_INDEX_URL'];
});

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

test('the index is the one that pip is told to use; otherwise there is none', async () => {
  const config = mkdtempSync(join(root, 'config-'));
  const { HOME, XDG_CONFIG_HOME } = process.env;
  Object.assign(process.env, { HOME: config, XDG_CONFIG_HOME: config });
  try {
    if (!existsSync('/etc/pip.conf')) assert.equal(await configuredIndex(), undefined);
    mkdirSync(join(config, 'pip'));
    writeFileSync(join(config, 'pip/pip.conf'), '[global]\nindex-url = https://example.org/file\n');
    assert.equal(await configuredIndex(), 'https://example.org/file');
    process.env['PIP_INDEX_URL'] = 'https://example.org/simple';
    assert.equal(await configuredIndex(), 'https://example.org/simple');
  } finally {
    process.env['HOME'] = HOME;
    if (XDG_CONFIG_HOME === undefined) delete process.env['XDG_CONFIG_HOME'];
    else process.env['XDG_CONFIG_HOME'] = XDG_CONFIG_HOME;
  }
});

test('the empty libraries that scripts/preinstall.js makes are none', async () => {
  const stubs = mkdtempSync(join(root, 'stubs-'));
  mkdirSync(join(stubs, 'node_modules/onnxruntime-node'), { recursive: true });
  writeFileSync(join(stubs, 'node_modules/onnxruntime-node/package.json'), '{}');
  mkdirSync(join(stubs, 'scripts'));
  copyFileSync(
    join(import.meta.dirname, '../../scripts/preinstall.js'),
    join(stubs, 'scripts/preinstall.mjs'),
  );
  execFileSync(process.execPath, [join(stubs, 'scripts/preinstall.mjs')]);
  const beside = join(stubs, 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64');
  assert.equal(statSync(join(beside, PROVIDER)).size, 0);
  await assert.rejects(installFromFolder(stubs, view), { code: 'not_found' });
  mkdirSync(libraryFolder(), { recursive: true });
  copyFileSync(join(beside, PROVIDER), join(libraryFolder(), PROVIDER));
  assert.equal(installed(), undefined);
  // They are replaced, and node_modules is only read.
  const own = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const filesOf = () => globSync('bin/**', { cwd: own }).map((name) => statSync(join(own, name)).mtimeMs);
  const before = filesOf();
  const from = mkdtempSync(join(root, 'from-'));
  for (const [name, { data }] of Object.entries(wheels())) writeFileSync(join(from, `${name}.whl`), data);
  await installFromFolder(from, view);
  assert.ok(installed());
  assert.deepEqual(filesOf(), before);
});

test('what stands between a machine and CUDA is said in one sentence, from the card upwards', {
  skip: isSupported() ? false : 'CUDA is for Linux on x86-64',
}, async () => {
  const machine = mkdtempSync(join(root, 'machine-'));
  const put = (name: string, text = '') => {
    mkdirSync(dirname(join(machine, name)), { recursive: true });
    writeFileSync(join(machine, name), text);
  };
  const driver = (version: string) =>
    put(
      'proc/driver/nvidia/version',
      `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  ${version}  Release`,
    );
  const { LD_LIBRARY_PATH } = process.env;
  const found = async () => (await diagnoseCuda(machine)).text;
  assert.equal(await found(), 'no NVIDIA card');
  put('sys/bus/pci/devices/0000:01:00.0/vendor', '0x10de\n');
  assert.match(
    await found(),
    /without its driver: install driver 525 or newer; a container needs --gpus all/,
  );
  driver('470.82.01');
  assert.equal(await found(), 'driver 470.82.01 is too old: 525 or newer is needed');
  driver('550.54.14');
  assert.match(await found(), /no \/dev\/nvidia0: start the container with --gpus all/);
  put('dev/nvidia0');
  if (process.getuid?.() !== 0) {
    chmodSync(join(machine, 'dev/nvidia0'), 0);
    assert.match(await found(), /no permission on .*nvidia0/);
    chmodSync(join(machine, 'dev/nvidia0'), 0o600);
  }
  assert.match(await found(), /its libraries are missing: darkroom gpu install/);
  const from = mkdtempSync(join(root, 'from-'));
  for (const [name, { data }] of Object.entries(wheels())) writeFileSync(join(from, `${name}.whl`), data);
  const folder = await installFromFolder(from, view);
  // The provider is for CUDA 13.
  assert.equal(await found(), 'driver 550.54.14 is too old: 580 or newer is needed');
  driver('580.82.07');
  rmSync(join(folder, 'libcublas.so.13'));
  assert.match(await found(), /^libcublas\.so\.13 is missing in .*: darkroom gpu install$/);
  await installFromFolder(from, view);
  // What an installation for another CUDA left.
  writeFileSync(join(folder, 'libcudart.so.12'), 'old');
  await installFromFolder(from, view);
  assert.ok(!existsSync(join(folder, 'libcudart.so.12')));
  const ready = await diagnoseCuda(machine);
  assert.deepEqual([ready.isReady, ready.text], [true, `ready: driver 580.82.07, libraries in ${folder}`]);
  // The page says it in its reader's language.
  assert.match(sayIn('ko').words(ready.words), /^준비됨: 드라이버 580\.82\.07/);
  put('elsewhere/libcudart.so.13');
  process.env['LD_LIBRARY_PATH'] = join(machine, 'elsewhere');
  try {
    assert.match(await found(), /^ready: .*; libcudart\.so\.13 is also in .*elsewhere/);
  } finally {
    if (LD_LIBRARY_PATH === undefined) delete process.env['LD_LIBRARY_PATH'];
    else process.env['LD_LIBRARY_PATH'] = LD_LIBRARY_PATH;
  }
});

/** NuGet and NVIDIA on loopback, for a provider of that CUDA. */
async function serveVendors(cuda: number) {
  const old = new Uint8Array(
    Buffer.from('\0libcublas.so.12\0libcublasLt.so.12\0libcurand.so.10\0libcudart.so.12\0'),
  );
  const nupkg = zip({
    [`runtimes/linux-x64/native/${PROVIDER}`]: cuda === 12 ? old : provider,
    'runtimes/linux-x64/native/libonnxruntime_providers_shared.so': library('shared'),
  });
  const work = mkdtempSync(join(root, 'archives-'));
  const archive = (name: string, libraries: readonly string[]) => {
    const lib = join(work, name, 'lib');
    mkdirSync(lib, { recursive: true });
    for (const one of libraries) {
      writeFileSync(join(lib, `${one}.1.2`), one);
      symlinkSync(`${one}.1.2`, join(lib, one));
    }
    execFileSync('tar', ['-cJf', join(work, `${name}.tar.xz`), '-C', work, name]);
    return readFileSync(join(work, `${name}.tar.xz`));
  };
  const archives: Record<string, Buffer> = {
    cuda_cudart: archive('cuda_cudart', [`libcudart.so.${cuda}`]),
    cuda_nvrtc: archive('cuda_nvrtc', [`libnvrtc.so.${cuda}`, `libnvrtc-builtins.so.${cuda}.9`]),
    libcublas: archive('libcublas', [`libcublas.so.${cuda}`, `libcublasLt.so.${cuda}`, 'libnvblas.so.12']),
    libcufft: archive('libcufft', ['libcufft.so.11']),
    libcurand: archive('libcurand', ['libcurand.so.10']),
    cudnn: archive('cudnn', ['libcudnn.so.9', 'libcudnn_graph.so.9']),
  };
  const part = (name: string) => ({
    relative_path: `${name}/${name}-archive.tar.xz`,
    sha256: createHash('sha256').update(archives[name]!).digest('hex'),
    size: `${archives[name]!.length}`,
  });
  const packageHash = createHash('sha512').update(nupkg).digest('base64');
  const damaged = new Set<string>();
  const ranges: (string | undefined)[] = [];
  let base = '';
  const server = createServer((request, response) => {
    const url = request.url!;
    const name = /\/(\w+)-archive/.exec(url)?.[1];
    const json = (value: unknown) => response.end(JSON.stringify(value));
    if (url === '/index.json')
      return json({ resources: [{ '@id': `${base}/registration/`, '@type': 'RegistrationsBaseUrl/3.6.0' }] });
    if (url.startsWith('/registration/')) {
      assert.equal(url, `/registration/microsoft.ml.onnxruntime.gpu.linux/${runtimeVersion()}.json`);
      return json({ packageContent: `${base}/provider.nupkg`, catalogEntry: `${base}/catalog.json` });
    }
    if (url === '/catalog.json')
      return json({ packageHash, packageHashAlgorithm: 'SHA512', packageSize: nupkg.length });
    if (url === '/provider.nupkg') return response.end(nupkg);
    if (url.startsWith('/cuda/redistrib_')) {
      const parts = Object.keys(archives).filter((one) => one !== 'cudnn');
      const entries = parts.map((one) => [one, { version: '1.2.3', 'linux-x86_64': part(one) }]);
      return json({ release_product: 'cuda', ...Object.fromEntries(entries) });
    }
    if (url.startsWith('/cudnn/redistrib_'))
      return json({ cudnn: { version: '9.1', 'linux-x86_64': { [`cuda${cuda}`]: part('cudnn') } } });
    if (name === undefined || archives[name] === undefined) return response.writeHead(404).end();
    const data = damaged.has(name) ? Buffer.from('no archive') : archives[name];
    ranges.push(request.headers.range);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200);
    return response.end(data.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const vendors = { nuget: `${base}/index.json`, cuda: `${base}/cuda`, cudnn: `${base}/cudnn` };
  return { vendors, archives, damaged, ranges, close: () => server.close() };
}

const hasXz = spawnSync('xz', ['--version']).status === 0;
const skip = hasXz ? false : 'the program xz is missing';

test('without an index the provider comes from NuGet, and NVIDIA’s libraries for the CUDA that it was built for', {
  skip,
}, async () => {
  const server = await serveVendors(12);
  const said: string[] = [];
  const loud = { ...view, say: (text: string) => void said.push(text) };
  // What an earlier try left behind.
  const downloads = join(libraryFolder(), 'wheels');
  mkdirSync(downloads, { recursive: true });
  writeFileSync(
    join(downloads, 'libcublas-archive.tar.xz.part'),
    server.archives['libcublas']!.subarray(0, 50),
  );
  const folder = await installFromVendors(loud, server.vendors, '550.54');
  server.close();
  assert.ok(server.ranges.includes('bytes=50-'));
  assert.deepEqual(
    installed()!
      .files.map(({ name }) => name)
      .toSorted(),
    [
      'libcublas.so.12',
      'libcublasLt.so.12',
      'libcudart.so.12',
      'libcudnn.so.9',
      'libcudnn_graph.so.9',
      'libcufft.so.11',
      'libcurand.so.10',
      'libnvrtc-builtins.so.12.9',
      'libnvrtc.so.12',
      'libonnxruntime_providers_cuda.so',
      'libonnxruntime_providers_shared.so',
    ],
  );
  assert.equal(readFileSync(join(folder, 'libcublas.so.12'), 'utf8'), 'libcublas.so.12');
  assert.ok(!existsSync(downloads));
  assert.match(said[1]!, /for CUDA 12: 6 archives, 0\.00 GiB/);
});

test('vendors’ damaged archives, an old driver and servers that do not answer are refused', {
  skip,
}, async () => {
  const server = await serveVendors(13);
  await assert.rejects(installFromVendors(view, server.vendors, '550.54'), {
    code: 'misconfigured',
    message:
      'The libraries of CUDA 13 need driver 580 or newer; this machine has 550.54. Install a newer driver first.',
  });
  server.damaged.add('cudnn');
  await assert.rejects(installFromVendors(view, server.vendors), {
    message: /cudnn 9\.1 came damaged.*SHA-256/,
  });
  await assert.rejects(
    installFromVendors(view, { ...server.vendors, nuget: `${server.vendors.cuda}/none` }),
    {
      message: /answered 404/,
    },
  );
  await assert.rejects(
    installFromVendors(view, { ...server.vendors, nuget: `${server.vendors.cuda}/redistrib_13.0.2.json` }),
    { message: /does not say what is needed. Use --index/ },
  );
  server.close();
});
