/** The pictures that ControlNets see, made from those that came with a request. */
import { conditioningPicture } from '../../image/conditioning.ts';
import type { Detectors } from '../../image/detector.ts';
import { toPlanes } from '../../image/pixels.ts';
import type { Size } from '../../image/resample.ts';
import type { Job } from '../../job.ts';
import { sentence, type Words } from '../../sentences.ts';
import type { Tensor } from '../../tensor.ts';
import { bytesOf, cutOut, type Frame } from '../picture/pictures.ts';

export interface ControlPictures {
  /** [1, 3, H, W] in 0..1, in the order of the request's controls. */
  readonly pictures: readonly Tensor[];
  readonly notes: readonly Words[];
}

/**
 * @param size of the drawing in pixels
 * @throws DarkroomError('bad_request' | 'bad_picture' | 'unsupported') where one cannot be used
 */
export async function readControlPictures(
  { request, inputs }: Job,
  size: Size,
  frame: Frame | undefined,
  detectors: Detectors,
): Promise<ControlPictures> {
  const pictures: Tensor[] = [];
  const notes: Words[] = [];
  for (const { kind, image } of request.controls) {
    const isNamed = kind === 'openpose' && !inputs.has(image);
    const source = isNamed ? image : bytesOf(inputs, image, sentence('engine.input.control', { kind }));
    const conditioning = await conditioningPicture(kind, source, frame?.whole ?? size, detectors);
    notes.push(...conditioning.notes);
    const { picture } = conditioning;
    const { data } = frame === undefined ? picture : cutOut(picture, frame.region, size);
    const planes = toPlanes({ data, ...size, channels: 3 }, 0, 1);
    pictures.push({ data: planes, dims: [1, 3, size.height, size.width] });
  }
  return { pictures, notes };
}
