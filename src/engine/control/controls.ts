/** The controls of a request: its ControlNets, the pictures that they see, and what they are fed in each call. */
import type { Detectors } from '../../image/detector.ts';
import type { Size } from '../../image/resample.ts';
import type { Job } from '../../job.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { Words } from '../../sentences.ts';
import type { Frame } from '../picture/pictures.ts';
import { type ControlFeeds, controlFeeds } from './control-feeds.ts';
import { type ControlPictures, readControlPictures } from './control-pictures.ts';
import { type ControlNet, type ControlnetPlaces, openControlnets } from './controlnets.ts';

export type { ControlFeeds } from './control-feeds.ts';
export { type ControlNet, openControlnets } from './controlnets.ts';
export { openDetectors } from './detectors.ts';

export interface Controls {
  /** In the order of the request's controls. */
  readonly nets: readonly ControlNet[];
  /** Sentences for the user. */
  readonly notes: readonly Words[];
  /**
   * @param pass by its place in the request, from 0
   * @param batch 2 with guidance
   * @returns undefined where the request has no controls
   */
  feeds(pass: number, batch: number): ControlFeeds | undefined;
}

export interface ControlSources extends ControlnetPlaces {
  readonly detectors: Detectors;
}

/**
 * Needs no weights, so that it can come before they are loaded.
 * @param sizes of the passes, in pixels
 * @param frame the part of the pictures that is drawn; all of them where undefined
 * @throws DarkroomError for a ControlNet that the model cannot use, and a picture that cannot be used
 */
export async function readControls(
  job: Job,
  spec: ModelSpec,
  { detectors, ...places }: ControlSources,
  { sizes, frame }: { readonly sizes: readonly Size[]; readonly frame: Frame | undefined },
): Promise<Controls> {
  const { controls, guessMode } = job.request;
  const nets = await openControlnets(job.request, spec, places);
  const perPass: ControlPictures[] = [];
  for (const size of sizes) perPass.push(await readControlPictures(job, size, frame, detectors));
  return {
    nets,
    notes: perPass[0]?.notes ?? [],
    feeds(pass, batch) {
      if (nets.length === 0) return undefined;
      const { pictures } = perPass[pass]!;
      const inputs = nets.map((net, i) => ({ ...net, request: controls[i]!, picture: pictures[i]! }));
      return controlFeeds(inputs, batch, guessMode);
    },
  };
}
