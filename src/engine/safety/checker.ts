/** A model's own safety checker: opened at its first picture, and kept. */
import { safetyCheckerGraph } from '../../graph/safety-checker.ts';
import { clipInput, readClipInputCard } from '../../image/clip-input.ts';
import type { Raster } from '../../image/resample.ts';
import type { Finding } from '../../job.ts';
import type { SafetyPart } from '../../models/safety.ts';
import { judge } from '../../moderation/verdict.ts';
import { type Device, nameOf, targetOf } from '../device.ts';
import { footprintOfGraph, networkBytes } from '../memory/memory.ts';
import { probe } from '../probe.ts';
import { openSession } from '../session.ts';

/** Looks at finished pictures. */
export interface PictureCheck {
  /** That it takes while it looks, at most. */
  readonly bytes: number;
  /** @param picture of three channels @throws DarkroomError where it cannot say: the picture is not shown then */
  readonly look: (picture: Raster) => Promise<Finding>;
  close(): Promise<void>;
}

/** Channels from which on a product of 8 bits takes less time. */
const LEAST_INT8 = 512;
const OUTPUTS = ['concepts', 'special_care', 'concepts_thresholds', 'special_care_thresholds'] as const;

/**
 * What opens and runs, before anything is opened.
 * @throws DarkroomError('bad_model' | 'unsupported') for files that cannot be used
 */
async function planChecker(part: SafetyPart, device: Device) {
  const { component, config, preprocessor, label } = await part.open();
  const card = readClipInputCard(preprocessor, { label, size: config.imageSize });
  const int8 = device.provider === 'cpu' && config.hiddenSize >= LEAST_INT8 && (await isInt8Faster(device));
  const graph = safetyCheckerGraph(component, { ...targetOf(device), int8 });
  return { graph, card, bytes: await networkBytes(footprintOfGraph(graph), device) };
}

/** PictureCheck's bytes. @throws as openSafetyChecker */
export async function safetyCheckerBytes(part: SafetyPart, device: Device): Promise<number> {
  const sizes = known.get(part) ?? new Map<string, Promise<number>>();
  known.set(part, sizes);
  const asked = sizes.get(nameOf(device)) ?? planChecker(part, device).then(({ bytes }) => bytes);
  sizes.set(nameOf(device), asked);
  return asked;
}

const known = new WeakMap<SafetyPart, Map<string, Promise<number>>>();

/** @throws DarkroomError('bad_model' | 'unsupported') for files that cannot be used */
export async function openSafetyChecker(part: SafetyPart, device: Device): Promise<PictureCheck> {
  const { graph, card, bytes } = await planChecker(part, device);
  // Of SD 1.5's checker a run takes 50 MB in pieces; mapping each of them was a seventh of its processor time.
  const session = await openSession(graph, device, { keepsMemory: true });
  return {
    bytes,
    async look(picture) {
      const out = await session.run({ pixel_values: clipInput(picture, card) }, OUTPUTS);
      return judge(
        { concepts: out.concepts.data, specialCare: out.special_care.data },
        { concepts: out.concepts_thresholds.data, specialCare: out.special_care_thresholds.data },
      );
    },
    close: () => session.close(),
  };
}

/** Asked once for each machine; a verdict moves by less than half of the margin that special care adds. */
async function isInt8Faster(device: Device): Promise<boolean> {
  const { works } = await probe({ ...device, precision: 'int8' });
  return works;
}
