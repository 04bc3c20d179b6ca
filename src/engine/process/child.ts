/**
 * The inference process. It only hands calls to an engine: `child.ts FACTORY OPTIONS`, FACTORY the URL of a
 * module that exports createEngine, OPTIONS its EngineOptions as JSON.
 */
import { flushCompileCache } from 'node:module';
import { getPriority, setPriority } from 'node:os';
import type { Run } from '../../job.ts';
import { DeviceFailure } from '../device-failure.ts';
import {
  type Calls,
  type EngineFactory,
  type FromChild,
  type ToChild,
  toWireError,
  type WarmEngine,
} from './protocol.ts';

/** Below the serving process, so that the chat answers while all cores draw. */
const NICENESS = 5;

// Threads made from here on inherit it.
setPriority(Math.min(19, getPriority() + NICENESS));
// Without its parent the process has no jobs: it ends.
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToChild) => void answer(message));

const [factory, options] = process.argv.slice(2) as [string, string];
const making = import(factory).then((module: EngineFactory) => module.createEngine(JSON.parse(options)));
// A process that is killed keeps nothing of what it compiled.
making.then(
  () => flushCompileCache(),
  () => {},
);
making.catch((error: unknown) => {
  process.send?.({ name: 'refused', error: toWireError(error) } satisfies FromChild, () => process.exit(1));
});

const runs = new Map<number, Run>();

async function answer(message: ToChild): Promise<void> {
  const { call } = message;
  const engine = await making.catch(() => undefined);
  // 'refused' has answered every call.
  if (engine === undefined) return;
  try {
    say({ name: 'reply', call, result: await carryOut(engine, message) });
  } catch (error) {
    if (error instanceof DeviceFailure) {
      process.send?.({ name: 'deviceFailed', call, error: toWireError(error) } satisfies FromChild, () =>
        process.exit(1),
      );
    } else say({ name: 'error', call, error: toWireError(error) });
  }
}

async function carryOut(engine: WarmEngine, message: ToChild): Promise<Calls[keyof Calls]['out']> {
  switch (message.name) {
    case 'warm':
      return void (await engine.warm(message.model));
    case 'open': {
      const run = await engine.open(message.job, (loading) =>
        say({ name: 'loading', call: message.call, loading }),
      );
      runs.set(message.call, run);
      const { steps, memory } = run;
      const finishes = run.finish !== undefined;
      return { run: message.call, steps, finishes, ...(memory !== undefined && { memory }) };
    }
    case 'advance':
      return await runOf(message.run).advance(message.count, (progress) =>
        say({ name: 'progress', call: message.call, progress }),
      );
    case 'finish': {
      const run = runOf(message.run);
      if (run.finish === undefined) throw new Error('The pictures of this run come at its end.');
      return await run.finish();
    }
    case 'decode':
      return await runOf(message.run).decode();
    case 'close': {
      const run = runs.get(message.run);
      runs.delete(message.run);
      return void (await run?.close());
    }
  }
}

function runOf(number: number): Run {
  const run = runs.get(number);
  if (run === undefined) throw new Error(`Run ${number} is closed.`);
  return run;
}

function say(message: FromChild): void {
  process.send?.(message);
}
