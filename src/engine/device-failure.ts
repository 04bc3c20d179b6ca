/** A device that fails under a model: its memory is taken, or the driver has lost it. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { type Device, nameOf } from './device.ts';

/** Only another process gets the device's memory, or the device itself, back; or another device does the work. */
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
    return new DeviceFailure('too_large', sentence('engine.device_memory', { device: name }), { cause });
  }
  if (LOST.test(reason)) {
    return new DeviceFailure('engine_failed', sentence('engine.device_lost', { device: name }), { cause });
  }
  return undefined;
}
