/**
 * An engine of plain arithmetic, for tests of what stands around it: child.ts forks with it. A prompt such as
 * `ms=50 fail=open` sets the milliseconds of a denoiser call and where it goes wrong; the picture depends on
 * the seed alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeviceFailure } from '../../src/engine/device-failure.ts';
import type { EngineOptions, WarmEngine } from '../../src/engine/process/process.ts';
import { DarkroomError } from '../../src/errors.ts';
import { encodePng } from '../../src/image/pixels.ts';

const SIDE = 8;

export async function createEngine({ device }: EngineOptions): Promise<WarmEngine> {
  if (device.threads < 0)
    throw new DarkroomError('misconfigured', `threads ${device.threads} is below 0. Try 2.`);
  console.log('stand-in ready');
  return {
    async warm(model) {
      if (model === 'waits') await sleep(60_000);
      if (model === 'too-large') throw new DeviceFailure('too_large', 'The card is full.');
    },
    async open({ request, inputs }, onLoading) {
      const option = (name: string) => new RegExp(`${name}=(\\w+)`).exec(request.prompt)?.[1];
      const ms = Number(option('ms') ?? 1);
      const fail = option('fail');
      if (fail === 'open') throw new DarkroomError('bad_model', 'The stand-in was told to fail.');
      if (option('load') !== undefined) {
        onLoading?.({ opened: 4e9, total: 7e9 });
        await sleep(Number(option('load')));
      }
      const steps = request.numInferenceSteps * request.numImages;
      let step = 0;
      return {
        steps,
        async advance(count, onProgress) {
          const started = performance.now();
          for (let i = 0; i < count && step < steps; i++) {
            await sleep(ms);
            step++;
            if (fail === 'exit' && step === 2) process.exit(7);
            if (fail === 'sigbus' && step === 2) process.kill(process.pid, 'SIGBUS');
            if (fail === 'cuda' && device.provider === 'cuda')
              throw new DeviceFailure('too_large', 'The card is full.');
            if (fail === 'device' && step === 2) throw new DeviceFailure('too_large', 'The card is full.');
            if (fail === 'advance' && step === 2) throw new TypeError('no such tensor');
            onProgress({ step, steps, preview: Uint8Array.of(step) });
          }
          return { done: step === steps, seconds: (performance.now() - started) / 1000 };
        },
        async decode() {
          const pictures = Array.from({ length: request.numImages }, async (_, i) => {
            const rgb = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, j) => (request.seed + i + j) % 256);
            return {
              png: await encodePng(rgb, SIDE, SIDE),
              width: SIDE,
              height: SIDE,
              seed: request.seed + i,
            };
          });
          return {
            pictures: await Promise.all(pictures),
            notes: [`${inputs.size} pictures came along`],
            seconds: { open: 0, encode: 0, denoise: (ms * steps) / 1000, decode: 0 },
          };
        },
        async close() {},
      };
    },
  };
}
