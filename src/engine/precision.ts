/** What the CPU computes in: float32, or int8 where its probe shows that this is faster and right. */
import { DarkroomError } from '../errors.ts';
import { type Sentence, sentence } from '../sentences.ts';
import { type Device, nameOf } from './device.ts';
import { type Probe, probe } from './probe.ts';

export const CPU_PRECISIONS = ['float32', 'int8'] as const;
export type CpuPrecision = (typeof CPU_PRECISIONS)[number];

/** Who asks for a precision, as sentences name it: the flag of one run, or the setting. */
export type Asker = '--precision' | 'DARKROOM_PRECISION';

/**
 * The devices with the CPU among them in this precision; the others keep their own.
 * @throws DarkroomError('bad_request' for the flag, 'misconfigured' for the setting) where none of them is a CPU, and where
 *   this CPU gains nothing from int8
 */
export async function withPrecision(
  devices: readonly Device[],
  precision: string,
  asker: Asker,
  ask: (device: Device) => Promise<Probe> = probe,
): Promise<Device[]> {
  const refusal = (words: Sentence) =>
    new DarkroomError(asker === '--precision' ? 'bad_request' : 'misconfigured', words);
  const known = CPU_PRECISIONS.find((one) => one === precision);
  if (known === undefined)
    throw refusal(
      sentence('engine.no_precision', {
        asker,
        precision: JSON.stringify(precision),
        known: { anyOf: CPU_PRECISIONS },
      }),
    );
  if (!devices.some(({ provider }) => provider === 'cpu')) {
    const names = devices.map((device) =>
      sentence('engine.device_precision', { device: nameOf(device), precision: device.precision }),
    );
    throw refusal(sentence('engine.cpu_precision', { asker, precision: known, names }));
  }
  return Promise.all(
    devices.map(async (device) => {
      if (device.provider !== 'cpu') return device;
      const changed: Device = { ...device, precision: known };
      const { works, reason = 'its probe failed' } = known === 'int8' ? await ask(changed) : { works: true };
      if (works) return changed;
      throw refusal(sentence('engine.int8_idle', { asker, reason }));
    }),
  );
}
