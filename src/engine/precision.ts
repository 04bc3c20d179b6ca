/**
 * What devices compute in where the operator chooses: the CPU in float32, or in int8 where its probe shows that this is
 * faster and right; WebGPU in float32 or float16.
 */
import { DarkroomError, requireAll } from '../errors.ts';
import { type Sentence, sentence } from '../sentences.ts';
import { type Device, nameOf, type Precision, type Provider } from './device.ts';
import { type Probe, probe } from './probe.ts';

const PRECISIONS = ['float32', 'float16', 'int8'] as const satisfies readonly Precision[];

const TAKEN: Readonly<Record<Provider, readonly Precision[]>> = {
  cpu: ['float32', 'int8'],
  webgpu: ['float32', 'float16'],
  cuda: ['float16'],
};

/** Whether a device can be asked to compute in this. */
export const canTake = ({ provider }: Pick<Device, 'provider'>, precision: string): boolean =>
  TAKEN[provider].some((one) => one === precision);

/** Who asks for a precision, as sentences name it: the flag of one run, or the setting. */
type Asker = '--precision' | 'DARKROOM_PRECISION';

/**
 * The devices, those in this precision that can be asked for it; the others keep their own.
 * @throws DarkroomError('bad_request' for the flag, 'misconfigured' for the setting) where none of them can, where this CPU
 *   gains nothing from int8, and where a graphics device has no float16
 */
export async function withPrecision(
  devices: readonly Device[],
  precision: string,
  asker: Asker,
  ask: (device: Device) => Promise<Probe> = probe,
): Promise<Device[]> {
  const refusal = (words: Sentence) =>
    new DarkroomError(asker === '--precision' ? 'bad_request' : 'misconfigured', words);
  const known = PRECISIONS.find((one) => one === precision);
  if (known === undefined)
    throw refusal(
      sentence('engine.no_precision', {
        asker,
        precision: JSON.stringify(precision),
        known: { anyOf: PRECISIONS },
      }),
    );
  if (!devices.some((device) => canTake(device, known))) {
    const names = devices.map((device) =>
      sentence('engine.device_precision', { device: nameOf(device), precision: device.precision }),
    );
    throw refusal(
      known === 'float16'
        ? sentence('engine.gpu_precision', { asker, precision: known, names })
        : sentence('engine.cpu_precision', { asker, precision: known, names }),
    );
  }
  const tried = await Promise.allSettled(
    devices.map(async (device) => {
      if (!canTake(device, known)) return device;
      const changed: Device = { ...device, precision: known };
      if (known === 'float32' || device.provider === 'cuda') return changed;
      const { works, reason = 'its probe failed', precision: narrowest, addsInFloat16 } = await ask(changed);
      if (known === 'int8') {
        if (works) return changed;
        throw refusal(sentence('engine.int8_idle', { asker, reason }));
      }
      if (works && (narrowest === 'float16' || addsInFloat16 === true)) return changed;
      throw refusal(sentence('engine.no_float16', { asker, device: nameOf(device) }));
    }),
  );
  return requireAll(tried);
}
