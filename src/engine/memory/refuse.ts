/** What is said of a job that no saver makes fit, and which size would. */
import { DarkroomError } from '../../errors.ts';
import type { GenerationRequest } from '../../request.ts';
import { sentence } from '../../sentences.ts';
import { type Device, nameOf } from '../device.ts';
import { type MemoryPlan, planMemory } from './plan.ts';
import type { PlannedSpec } from './shapes.ts';
import type { PlanFor } from './stages.ts';

/** @throws DarkroomError('too_large') where the plan does not fit, with the largest size of the same proportion that does */
export async function requireFit(
  spec: PlannedSpec & { readonly name: string },
  request: GenerationRequest,
  how: PlanFor,
  plan: MemoryPlan,
): Promise<void> {
  if (plan.fits) return;
  const { width, height } = request.hires ?? request;
  const fitting = await largestFit(spec, request, how);
  const way = fitting === undefined ? sentence('engine.no_size_fits') : sentence('engine.fits', fitting);
  throw new DarkroomError(
    'too_large',
    sentence('engine.memory', {
      width,
      height,
      model: spec.name,
      needed: gigabytes(plan.bytes, Math.ceil),
      device: nameOf(how.device),
      room: gigabytes(plan.budget!, Math.floor),
      way,
    }),
  );
}

/** @throws DarkroomError('too_large') where not even the smallest tile of a picture fits beside an upscaler's weights */
export function requireUpscalerFit(name: string, device: Device, { fits, bytes, budget }: MemoryPlan): void {
  if (fits) return;
  throw new DarkroomError(
    'too_large',
    sentence('engine.upscaler_memory', {
      name,
      needed: gigabytes(bytes, Math.ceil),
      device: nameOf(device),
      room: gigabytes(budget!, Math.floor),
    }),
  );
}

/** Gigabytes (2^30) with one digit behind the point, so that two that differ are not written alike. */
export const gigabytes = (bytes: number, round: (value: number) => number = Math.round): string =>
  String(round((bytes / 2 ** 30) * 10) / 10);

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The largest size of the request's proportion, by steps of the model's own, that fits; undefined where none does. */
async function largestFit(
  spec: PlannedSpec,
  request: GenerationRequest,
  how: PlanFor,
): Promise<Size | undefined> {
  const { hires, ...rest } = request;
  const { width, height } = hires ?? request;
  const step = Math.max(64, spec.sizeMultiple);
  const most = Math.floor(Math.max(width, height) / step);
  const sizeAt = (steps: number): Size => {
    const scale = (steps * step) / Math.max(width, height);
    const side = (of: number) =>
      Math.max(spec.sizeMultiple, Math.round((of * scale) / spec.sizeMultiple) * spec.sizeMultiple);
    return { width: side(width), height: side(height) };
  };
  const fits = async (steps: number) => {
    const size = sizeAt(steps);
    const smaller = hires === undefined ? { ...rest, ...size } : { ...request, hires: { ...hires, ...size } };
    return (await planMemory(spec, smaller, how)).fits;
  };
  let [least, bound] = [0, most + 1];
  while (bound - least > 1) {
    const middle = (least + bound) >> 1;
    if (await fits(middle)) least = middle;
    else bound = middle;
  }
  return least === 0 ? undefined : sizeAt(least);
}
