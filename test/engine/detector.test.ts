import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openDetectors } from '../../src/engine/control/detectors.ts';
import { cpuDevice } from '../../src/engine/device.ts';
import { DarkroomError } from '../../src/errors.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import { conditioningPicture } from '../../src/image/conditioning.ts';
import { drawBodies } from '../../src/image/openpose.ts';
import { encodePng } from '../../src/image/pixels.ts';
import type { Raster } from '../../src/image/resample.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function detectorFolder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-detectors-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

/** An ONNX file of a detector that needs no weights. */
function model(build: (graph: GraphBuilder) => void): Uint8Array {
  const graph = new GraphBuilder('detector', { configFile: 'config.json', config: {}, tensors: new Map() });
  build(graph);
  return graph.finish().bytes;
}

/** The brighter, the nearer: the mean of the channels. */
const DEPTH = model((graph) => {
  const pixels = graph.input('pixels', 'float', [1, 3, 'h', 'w']);
  graph.output('depth', graph.op('ReduceMean', [pixels, graph.ints([1])], { keepdims: 0 }), [1, 'h', 'w']);
});
const DEPTH_CARD = {
  width: 16,
  height: 24,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  gives: 'near_is_large',
};

/** Part i is where the picture's red is (i + 1) / 20: heat falls from 1 with the distance from that red. */
const POSE = model((graph) => {
  const pixels = graph.input('image', 'float', [1, 3, 'h', 'w']);
  const red = graph.op('Slice', [pixels, graph.ints([0]), graph.ints([1]), graph.ints([1])]);
  const wanted = graph.floats(
    Array.from({ length: 18 }, (_, i) => (i + 1) / 20),
    [1, 18, 1, 1],
  );
  const distance = graph.op('Abs', [graph.op('Sub', [red, wanted])]);
  const heat = graph.op('Sub', [graph.floats([1]), graph.op('Mul', [distance, graph.floats([100])])]);
  graph.output('heatmaps', heat, [1, 18, 'h', 'w']);
});
const POSE_CARD = {
  width: 32,
  height: 32,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  gives: 'heatmaps',
  parts: 'body_18',
};

const folder = detectorFolder({
  'depth.onnx': DEPTH,
  'depth.json': JSON.stringify(DEPTH_CARD),
  'pose.onnx': POSE,
  'pose.json': JSON.stringify(POSE_CARD),
});
const detectors = openDetectors(folder, cpuDevice({ threads: 1 }));
after(() => detectors.close());

function ramp(width: number, height: number): Raster {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    Math.round((255 * (Math.floor(i / 3) % width)) / (width - 1)),
  );
  return { data, width, height, channels: 3 };
}

const rejects = (work: Promise<unknown>, code: string, words: RegExp) =>
  assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof DarkroomError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  });

test('a depth detector gives a picture of the same size, near in white', async () => {
  const picture = ramp(40, 30);
  const { data, width, height, channels } = await detectors.depth(picture);
  assert.deepEqual([width, height, channels], [40, 30, 1]);
  assert.ok(data[0]! < 12 && data[39]! > 243, `${data[0]} ${data[39]}`);
  assert.ok(Math.abs(data[20]! - 131) < 8, `${data[20]}`);
});

test('metres are turned round, so that near is white', async () => {
  const metres = detectorFolder({
    'depth.onnx': DEPTH,
    'depth.json': JSON.stringify({ ...DEPTH_CARD, gives: 'near_is_small' }),
  });
  const opened = openDetectors(metres, cpuDevice({ threads: 1 }));
  const { data } = await opened.depth(ramp(40, 30));
  await opened.close();
  assert.ok(data[0]! > 243 && data[39]! < 12);
});

test('a pose detector finds each part where it is, and the control picture is its skeleton', async () => {
  const picture = { data: new Uint8Array(32 * 32 * 3), width: 32, height: 32, channels: 3 };
  // The last part is not in the picture.
  for (let part = 0; part < 17; part++) {
    picture.data[((part + 2) * 32 + ((part * 7) % 30)) * 3] = Math.round((255 * (part + 1)) / 20);
  }
  const [body, ...others] = await detectors.pose(picture);
  assert.equal(others.length, 0);
  for (let part = 0; part < 17; part++) {
    assert.deepEqual(body![part], { x: ((part * 7) % 30) + 0.5, y: part + 2.5 });
  }
  assert.equal(body![17], undefined);
  const png = await encodePng(picture.data, 32, 32);
  const { picture: skeleton } = await conditioningPicture(
    'openpose',
    png,
    { width: 32, height: 32 },
    detectors,
  );
  assert.deepEqual(skeleton.data, drawBodies([body!], picture).data);
});

test('an empty picture has nobody in it, and says so', async () => {
  const png = await encodePng(new Uint8Array(32 * 32 * 3), 32, 32);
  const size = { width: 32, height: 32 };
  await rejects(conditioningPicture('openpose', png, size, detectors), 'bad_picture', /[Nn]obody.*dancing/);
});

test('without a detector the error says how to add one', async () => {
  const none = openDetectors(undefined, cpuDevice({ threads: 1 }));
  await rejects(none.depth(ramp(8, 8)), 'unsupported', /no detector is installed\. Instead, .*raw/);
  await rejects(none.pose(ramp(8, 8)), 'unsupported', /no detector is installed\. Instead, .*dancing/);
  // How to install one is for the operator.
  await assert.rejects(none.depth(ramp(8, 8)), ({ cause }: Error) => {
    assert.match(String(cause), /depth\.onnx and depth\.json.*DARKROOM_DETECTORS/);
    return true;
  });
  const half = openDetectors(detectorFolder({ 'depth.onnx': DEPTH }), cpuDevice({ threads: 1 }));
  await assert.rejects(half.depth(ramp(8, 8)), ({ cause }: Error) => {
    assert.match(String(cause), /depth\.json cannot be read/);
    return true;
  });
});

test('a card that cannot be used is refused by its field', async () => {
  const cases: [unknown, RegExp][] = [
    ['no', /not JSON/],
    [[], /one object/],
    [{ ...DEPTH_CARD, width: 'wide' }, /width/],
    [{ ...DEPTH_CARD, height: 100_000 }, /height/],
    [{ ...DEPTH_CARD, std: [1, 0, 1] }, /std/],
    [{ ...DEPTH_CARD, mean: [1] }, /mean/],
    [{ ...DEPTH_CARD, gives: 'heatmaps' }, /near_is_large/],
    [{ ...DEPTH_CARD, size: 16 }, /unknown field size/],
    [{ ...DEPTH_CARD, output: 'predicted' }, /output predicted; the model has depth/],
  ];
  for (const [card, words] of cases) {
    const text = card === 'no' ? '{' : JSON.stringify(card);
    const opened = openDetectors(
      detectorFolder({ 'depth.onnx': DEPTH, 'depth.json': text }),
      cpuDevice({ threads: 1 }),
    );
    await rejects(opened.depth(ramp(8, 8)), 'misconfigured', words);
  }
});

test('a file that is no model, or gives what is no depth, is refused', async () => {
  const card = JSON.stringify(DEPTH_CARD);
  const rubbish = openDetectors(
    detectorFolder({ 'depth.onnx': 'rubbish', 'depth.json': card }),
    cpuDevice({ threads: 1 }),
  );
  await rejects(rubbish.depth(ramp(8, 8)), 'bad_model', /depth\.onnx/);
  const broken = model((graph) => {
    const pixels = graph.input('pixels', 'float', [1, 3, 'h', 'w']);
    const infinite = graph.op('Div', [pixels, graph.floats([0])]);
    graph.output('depth', graph.op('ReduceMean', [infinite, graph.ints([1])], { keepdims: 0 }), [
      1,
      'h',
      'w',
    ]);
  });
  const opened = openDetectors(
    detectorFolder({ 'depth.onnx': broken, 'depth.json': card }),
    cpuDevice({ threads: 1 }),
  );
  await rejects(opened.depth(ramp(8, 8)), 'engine_failed', /depth detector/);
  await opened.close();
});
