import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { followJob, type LiveEvent, PACE } from '../../commands/job-card.ts';
import { runningText } from '../../commands/progress-text.ts';
import { TimeLeft } from '../../commands/time-left.ts';
import type { JobEvent } from '../../src/job.ts';
import { sayIn } from '../../src/sentences.ts';
import type { JobRecord } from '../../src/store/jobs.ts';

const noError = (error: unknown) => assert.fail(String(error));
const preview = new Uint8Array([1]);
const running = (step: number, withPreview = false): JobEvent => ({
  state: 'running',
  step,
  steps: 100,
  etaSeconds: 1,
  ...(withPreview && { preview }),
});

test('edits keep to their pace, the newest wins, the end is not delayed', async () => {
  async function* events(): AsyncGenerator<JobEvent> {
    yield { state: 'queued', position: 1, etaSeconds: 2 };
    for (let step = 1; step <= 100; step++) {
      await sleep(10);
      yield running(step, step % 10 === 0);
    }
    yield { state: 'cancelled' };
  }
  const shown: { at: number; event: LiveEvent }[] = [];
  const start = performance.now();
  const end = await followJob(
    events(),
    async (event) => {
      shown.push({ at: performance.now(), event });
    },
    noError,
  );
  const seconds = (performance.now() - start) / 1000;
  assert.deepEqual(end, { state: 'cancelled' });
  assert.equal(shown[0]?.event.state, 'queued');
  assert.ok(shown.length <= seconds * 4 + 1, `${shown.length} edits in ${seconds} s`);
  assert.ok(shown.length >= 4);
  const previews = shown.filter(({ event }) => 'preview' in event);
  assert.ok(previews.length >= 1);
  for (const [i, { at }] of previews.slice(1).entries()) assert.ok(at - previews[i]!.at >= PACE.preview - 5);
  const steps = shown.flatMap(({ event }) => (event.state === 'running' ? event.step : []));
  assert.deepEqual(
    steps,
    steps.toSorted((a, b) => a - b),
  );
});

test('a chat that fails to edit does not fail the job', async () => {
  async function* events(): AsyncGenerator<JobEvent> {
    yield running(1);
    await sleep(20);
    yield { state: 'failed', error: { code: 'engine_failed', message: 'It broke.' } };
  }
  const errors: unknown[] = [];
  const end = await followJob(
    events(),
    async () => {
      throw new Error('no network');
    },
    (error) => errors.push(error),
  );
  assert.equal(end.state, 'failed');
  assert.equal(errors.length, 1);
});

test('events that end before the job does are an error, not a wait for ever', async () => {
  async function* events(): AsyncGenerator<JobEvent> {
    yield running(1);
  }
  await assert.rejects(
    followJob(events(), async () => undefined, noError),
    /ended before the job did/,
  );
});

test('the time left does not jump, whatever the estimates do, and comes to where they stay', () => {
  const time = new TimeLeft();
  const shown = [40, 10, 160, 3, 90, 12, 200].map((estimate, i) => time.next(estimate, i * 1000));
  for (let i = 1; i < shown.length; i++) {
    assert.ok(shown[i]! <= 1.5 * shown[i - 1]! && shown[i]! >= 0.5 * shown[i - 1]!, shown.join(' '));
  }
  const settled = Array.from({ length: 20 }, (_, i) => time.next(30 - i, (7 + i) * 1000)).at(-1)!;
  assert.ok(Math.abs(settled - 11) < 2, String(settled));
  // A slow platform or a loaded machine: edits far apart, and a machine that takes three times as long as it did.
  const slow = new TimeLeft();
  slow.next(8, 0);
  assert.ok(slow.next(24, 8000) > 20);
  assert.ok(slow.next(16, 16_000) > 14);
  const late = new TimeLeft();
  late.next(2, 0);
  assert.ok(late.next(60, 5000) <= 6, 'it does not jump all the same');
});

test('a job whose large model is being loaded says how far that is', () => {
  const words = (opened: number, total: number, language: 'en' | 'ko' = 'en') =>
    runningText(
      { state: 'running', step: 0, steps: 20, etaSeconds: 90, loading: { opened, total } },
      { request: { model: 'stabilityai/sdxl-base' } as JobRecord['request'] },
      sayIn(language),
    );
  assert.equal(words(3.9e9, 6.9e9), 'Loading sdxl-base, 4 of 7 GB');
  assert.equal(words(0, 2.13e9), 'Loading sdxl-base, 0.0 of 2.1 GB');
  assert.equal(words(3.9e9, 6.9e9, 'ko'), 'sdxl-base 불러오는 중, 7GB 중 4GB');
});
