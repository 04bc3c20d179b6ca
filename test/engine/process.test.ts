import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuDevice } from '../../src/engine/device.ts';
import { EngineProcess } from '../../src/engine/process/process.ts';
import { DarkroomError } from '../../src/errors.ts';
import { EngineLost, type Job, type Loading, type Progress } from '../../src/job.ts';
import { freezeRequest } from '../../src/request.ts';
import { inEnglish } from '../english.ts';
import { eventually } from '../patience.ts';

const factory = new URL('./stand-in.ts', import.meta.url).href;
const engines: EngineProcess[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.stop()));
});

function start(threads = 1) {
  const lines: string[] = [];
  const engine = new EngineProcess({
    models: [],
    device: cpuDevice({ threads }),
    factory,
    log: (line) => lines.push(line),
  });
  engines.push(engine);
  return { engine, lines };
}

function jobOf(prompt: string): Job {
  const defaults = {
    numInferenceSteps: 6,
    guidanceScale: 7,
    sampler: 'euler',
    schedule: 'normal',
    width: 64,
    height: 64,
    strength: 0.75,
    maxSize: 256,
  } as const;
  const { request } = freezeRequest({ prompt, seed: 11 }, { model: 'mini', defaults });
  return { id: 'a', user: 'web:1', request, inputs: new Map([['in.png', Uint8Array.of(1, 2)]]) };
}

test('a job runs in the child and comes back whole', async () => {
  const { engine, lines } = start();
  const run = await engine.open(jobOf('a mug'));
  assert.equal(run.steps, 6);
  const seen: Progress[] = [];
  assert.equal((await run.advance(4, (p) => seen.push(p))).done, false);
  assert.equal((await run.advance(4, (p) => seen.push(p))).done, true);
  assert.deepEqual(
    seen.map((p) => p.step),
    [1, 2, 3, 4, 5, 6],
  );
  assert.deepEqual(new Uint8Array(seen[2]!.preview!), Uint8Array.of(3));
  const { pictures, notes } = await run.decode();
  assert.equal(pictures[0]!.seed, 11);
  assert.equal(Buffer.from(pictures[0]!.png).toString('latin1', 1, 4), 'PNG');
  assert.deepEqual(inEnglish(notes), ['1 pictures came along']);
  await run.close();
  await run.close();
  assert.deepEqual(lines, ['stand-in ready']);
});

test('how far a large model is loaded is told while a job opens', async () => {
  const { engine } = start();
  const told: Loading[] = [];
  const run = await engine.open(jobOf('load=1'), (loading) => told.push(loading));
  assert.deepEqual(told, [{ opened: 4e9, total: 7e9 }]);
  await run.close();
});

test('the child yields to the chat', async () => {
  const { engine } = start();
  await engine.warm('mini');
  assert.equal(getPriority(engine.pid!), Math.min(19, getPriority() + 5));
});

test("an engine's refusal keeps its code and sentence; anything else becomes internal", async () => {
  const { engine } = start();
  await assert.rejects(engine.open(jobOf('fail=open')), (error: unknown) => {
    assert.ok(error instanceof DarkroomError);
    assert.deepEqual([error.code, error.message], ['bad_model', 'The stand-in was told to fail.']);
    return true;
  });
  const run = await engine.open(jobOf('fail=advance'));
  await assert.rejects(
    run.advance(4, () => {}),
    (error: unknown) =>
      error instanceof DarkroomError &&
      error.code === 'internal' &&
      /no such tensor/.test(String(error.cause)),
  );
});

test('an engine that cannot be made says why, each time', async () => {
  const { engine } = start(-1);
  for (let i = 0; i < 2; i++) {
    await assert.rejects(engine.open(jobOf('a mug')), { code: 'misconfigured', message: /threads -1/ });
  }
});

test('kill -9 rejects every call; the next open starts a fresh child', async () => {
  const { engine, lines } = start();
  const run = await engine.open(jobOf('ms=60'));
  const first = engine.pid!;
  const advancing = run.advance(6, () => {});
  await sleep(30);
  process.kill(first, 'SIGKILL');
  await assert.rejects(advancing, EngineLost);
  assert.equal(engine.pid, undefined);
  await run.close();
  await assert.rejects(run.decode(), EngineLost);
  assert.match(lines.at(-1)!, /SIGKILL/);
  const again = await engine.open(jobOf('a mug'));
  assert.notEqual(engine.pid, first);
  assert.equal((await again.advance(6, () => {})).done, true);
});

test('a child that exits by itself is a loss too', async () => {
  const { engine } = start();
  const run = await engine.open(jobOf('fail=exit'));
  await assert.rejects(
    run.advance(6, () => {}),
    EngineLost,
  );
});

test('a device that fails ends its process, which frees it, and keeps its sentence', async () => {
  const { engine } = start();
  const run = await engine.open(jobOf('fail=device'));
  const first = engine.pid;
  // Whoever starts is told why, also where a job meets it first.
  const started = assert.rejects(engine.warm('waits'), { code: 'too_large', message: 'The card is full.' });
  await assert.rejects(
    run.advance(6, () => {}),
    (error: unknown) => {
      assert.ok(error instanceof EngineLost);
      assert.deepEqual(
        [error.deviceError?.code, error.deviceError?.message],
        ['too_large', 'The card is full.'],
      );
      return true;
    },
  );
  await started;
  await assert.rejects(engine.warm('too-large'), { code: 'too_large', message: 'The card is full.' });
  const again = await engine.open(jobOf('a mug'));
  assert.notEqual(engine.pid, first);
  assert.equal((await again.advance(6, () => {})).done, true);
});

test('a model file that is cut while it is in use is named in the log', {
  skip: process.platform === 'win32',
}, async () => {
  const { engine, lines } = start();
  const run = await engine.open(jobOf('fail=sigbus ms=20'));
  await assert.rejects(
    run.advance(6, () => {}),
    EngineLost,
  );
  assert.match(lines.at(-1)!, /SIGBUS \(a model file in use was cut short.*\)\. Models in use: mini\.$/);
});

test('stop ends the child and refuses further work', async () => {
  const { engine } = start();
  await engine.warm('mini');
  const { pid } = engine;
  await engine.stop();
  assert.throws(() => process.kill(pid!, 0), { code: 'ESRCH' });
  await assert.rejects(engine.open(jobOf('a mug')), { code: 'engine_failed' });
});

test('a child whose parent vanishes ends by itself', async () => {
  const module = new URL('../../src/engine/process/process.ts', import.meta.url).href;
  const script = `
    const { EngineProcess } = await import(${JSON.stringify(module)});
    const engine = new EngineProcess({ models: [], device: ${JSON.stringify(cpuDevice({ threads: 1 }))}, factory: ${JSON.stringify(factory)}, log: () => {} });
    await engine.warm('mini');
    console.log(engine.pid);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(String(line));
  parent.kill('SIGKILL');
  const gone = () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  };
  await eventually('the child is gone', gone);
});
