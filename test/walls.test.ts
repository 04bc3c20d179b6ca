/** The house's walls: which room may import which. Reads the imports, so that no review has to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMPORTS, SOURCES } from './imports.ts';

/** Rooms by the longest prefix of a file's path, and the rooms whose code they may use. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  config: [],
  // The request names samplers and random numbers as their own files do.
  shared: ['src/diffusion'],
  'src/diffusion': [],
  'src/choices': [],
  'src/moderation': [],
  'src/graph': [],
  'src/models': ['src/diffusion', 'src/graph'],
  'src/image': [],
  'src/engine': ['src/diffusion', 'src/models', 'src/graph', 'src/image', 'src/gpu', 'src/moderation'],
  'src/gpu': [],
  'src/download': [],
  'src/queue': ['src/store'],
  'src/store': ['config', 'src/moderation', 'src/settings'],
  'src/settings': [],
  'src/usage': ['src/store'],
  commands: [
    'adapters/contract',
    'src/choices',
    'src/moderation',
    'src/queue',
    'src/settings',
    'src/store',
    'src/usage',
  ],
  'adapters/contract': [],
  'adapters/web/conversation': ['adapters/contract', 'src/store'],
  'adapters/web/server': ['adapters/contract', 'adapters/web/conversation', 'src/store', 'src/usage'],
  'adapters/web': ['adapters/contract', 'adapters/web/conversation', 'adapters/web/server', 'src/store'],
  'adapters/discord': ['adapters/contract', 'commands'],
  'adapters/slack': ['adapters/contract'],
  'src/wiring': ['*'],
};
/** Files that every room may use. */
const SHARED = [
  'src/decode-text.ts',
  'src/errors.ts',
  'src/job.ts',
  'src/json.ts',
  'src/licences.ts',
  'src/lru.ts',
  'src/make-folder.ts',
  'src/model-kinds.ts',
  'src/model-names.ts',
  'src/name-key.ts',
  'src/request.ts',
  'src/rounding.ts',
  'src/sentences.ts',
  'src/tensor.ts',
];
const WIRING = [
  'src/main.ts',
  'src/command-line.ts',
  'src/app.ts',
  'src/worker.ts',
  'src/platforms.ts',
  'src/installed-models.ts',
  'src/chat-downloads.ts',
  'src/model-downloads.ts',
  'src/engine-options.ts',
  'src/log.ts',
  'src/machine-status.ts',
  'src/report.ts',
  'src/shown-pictures.ts',
];

function roomOf(file: string): string {
  if (WIRING.includes(file) || file.startsWith('src/shell/')) return 'src/wiring';
  if (/^adapters\/[^/]+\.ts$/.test(file)) return 'adapters/contract';
  const room = Object.keys(MAY_IMPORT).find((name) => file.startsWith(`${name}/`));
  // The parts of the request and of the sentences, behind their doors.
  if (/^src\/(?:request|sentences)\//.test(file)) return 'shared';
  assert.ok(room !== undefined || SHARED.includes(file), `${file} is in no room`);
  return room ?? 'shared';
}

test('there is code to look at', () => {
  assert.ok(SOURCES.size > 40 && IMPORTS.length > 100);
});

test('rooms import only what they may', () => {
  const wrong = IMPORTS.filter(({ from, file }) => {
    if (file === undefined || !file.endsWith('.ts') || SHARED.includes(file)) return false;
    const [here, there] = [roomOf(from), roomOf(file)];
    const allowed = MAY_IMPORT[here] ?? [];
    return here !== there && !allowed.includes('*') && !allowed.includes(there);
  });
  assert.deepEqual(wrong, []);
});

/** Each room of the engine by its door, the one file of it that others import. */
const DOORS: Readonly<Record<string, string>> = {
  control: 'controls.ts',
  lora: 'loras.ts',
  memory: 'memory.ts',
  model: 'model-cache.ts',
  picture: 'pictures.ts',
  upscaler: 'upscalers.ts',
  process: 'process.ts',
  prompt: 'prompt.ts',
  safety: 'safety.ts',
};

test('the rooms of the engine are entered by their doors', () => {
  const engineRoom = (file: string) => /^src\/engine\/([^/]+)\//.exec(file)?.[1];
  const wrong = IMPORTS.filter(({ from, file }) => {
    const room = file === undefined ? undefined : engineRoom(file);
    return room !== undefined && room !== engineRoom(from) && file !== `src/engine/${room}/${DOORS[room]}`;
  });
  assert.deepEqual(wrong, []);
});

const ONLY: Readonly<Record<string, RegExp>> = {
  'onnxruntime-node': /^src\/engine\/session\.ts$/,
  sharp: /^src\/image\//,
  'p-queue': /^(src\/(queue|download)\/|(adapters\/|src\/chat-)downloads\.ts$)/,
  '@huggingface/hub': /^src\/download\/hub\.ts$/,
  hono: /^adapters\/web\//,
  '@hono/node-server': /^adapters\/web\//,
  protobufjs: /^src\/(graph|models)\//,
  'discord.js': /^adapters\/discord\//,
  '@slack/bolt': /^adapters\/slack\//,
  'intl-messageformat': /^src\/sentences\/(?:say|compiled)\.ts$/,
  re2js: /^src\/moderation\/rules\.ts$/,
  'client-zip': /^adapters\/web\/server\/gallery-page\.ts$/,
  echarts: /^src\/usage\/plots\.ts$/,
  pino: /^src\/log\.ts$/,
  pg: /^src\/store\/postgres\.ts$/,
  'pg-boss': /^src\/queue\/tickets\.ts$/,
  '@electric-sql/pglite': /^src\/store\/embedded\.ts$/,
  'modern-tar': /^src\/store\/backup\/archive\.ts$/,
  '@aws-sdk/client-s3': /^src\/store\/s3\.ts$/,
};

for (const [name, place] of Object.entries(ONLY)) {
  test(`only ${place.source} imports ${name}`, () => {
    const users = IMPORTS.filter(({ to }) => to === name || to.startsWith(`${name}/`)).map(
      ({ from }) => from,
    );
    assert.ok(users.length > 0, `nobody imports ${name}`);
    assert.deepEqual(
      users.filter((file) => !place.test(file)),
      [],
    );
  });
}
