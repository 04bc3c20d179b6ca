/** A device that fails under a model: its memory is taken, or the driver has lost it. */
import { DarkroomError } from '../errors.ts';
import { type Device, nameOf } from './device.ts';

/** Only another process gets the device's memory, or the device itself, back. */
export class DeviceFailure extends DarkroomError {}

/** Of CUDA, cuBLAS, cuDNN, Dawn, Vulkan, Metal and Direct3D 12, as onnxruntime passes them on. */
const MEMORY =
  /out of (device |host )?memory|failed to allocate memory|CUDA failure 2\b|ALLOC_FAILED|OUT_OF_.*MEMORY/i;
const LOST =
  /CUDA failure|CUDA error|CUBLAS|CUDNN|cuda\w+Error|device (is |was )?lost|DEVICE_(LOST|REMOVED|HUNG)|download data from buffer/i;

/** @returns undefined where the reason is not the device's: a shape that the graph refuses, for one */
export function deviceFailure(device: Device, cause: unknown): DeviceFailure | undefined {
  if (device.provider === 'cpu') return undefined;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const name = nameOf(device);
  if (MEMORY.test(reason)) {
    return new DeviceFailure(
      'too_large',
      `${name} has not enough free memory for this; another program may have taken it. Try a smaller size or fewer images, or close that program.`,
      { cause },
    );
  }
  if (LOST.test(reason)) {
    return new DeviceFailure(
      'engine_failed',
      `${name} stopped working, as after sleep or a reset of its driver. Ask again; if it happens again, the operator should restart the machine.`,
      { cause },
    );
  }
  return undefined;
}
