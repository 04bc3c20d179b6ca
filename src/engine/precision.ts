/** What the CPU computes in: float32, or int8 where its probe shows that this is faster and right. */
import { DarkroomError } from '../errors.ts';
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
  const refusal = (sentence: string) =>
    new DarkroomError(asker === '--precision' ? 'bad_request' : 'misconfigured', sentence);
  const known = CPU_PRECISIONS.find((one) => one === precision);
  if (known === undefined)
    throw refusal(`${asker} ${JSON.stringify(precision)} is not known. Use ${CPU_PRECISIONS.join(' or ')}.`);
  if (!devices.some(({ provider }) => provider === 'cpu')) {
    const names = devices.map((device) => `${nameOf(device)} computes in ${device.precision}`).join(', ');
    throw refusal(`${asker} ${known} is for the CPU: ${names}. Leave it out, or choose the device cpu.`);
  }
  return Promise.all(
    devices.map(async (device) => {
      if (device.provider !== 'cpu') return device;
      const changed: Device = { ...device, precision: known };
      const { works, reason = 'its probe failed' } = known === 'int8' ? await ask(changed) : { works: true };
      if (works) return changed;
      throw refusal(
        `${asker} int8 is not used, because it gains nothing on this CPU: ${reason}. Use float32.`,
      );
    }),
  );
}
