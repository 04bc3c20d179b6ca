/** The pictures that a command line of `darkroom imagine` names, in the request's fields. */
import { UsageError } from './verb.ts';

export interface GivenPictures {
  readonly image: string | undefined;
  readonly mask_image: string | undefined;
  /** Pictures that a model edits from. */
  readonly reference_images: readonly string[];
  readonly controls: readonly GivenControl[];
}

interface GivenControl {
  readonly kind: string;
  readonly image: string;
  readonly controlnet?: string;
  readonly scale?: number;
  readonly start?: number;
  readonly end?: number;
}

/** Values of the options that name pictures. */
export interface PictureOptions {
  readonly image?: string | undefined;
  readonly mask?: string | undefined;
  readonly reference?: readonly string[] | undefined;
  readonly control?: readonly string[] | undefined;
  readonly controlnet?: readonly string[] | undefined;
}

/** @throws UsageError for a control that cannot be read, or a ControlNet without one */
export function givenPictures({
  image,
  mask,
  reference = [],
  control: controls = [],
  controlnet: nets = [],
}: PictureOptions): GivenPictures {
  if (nets.length > controls.length) {
    throw new UsageError(
      `${nets.length} --controlnet, but ${controls.length} --control. Each needs its picture.`,
    );
  }
  return {
    image,
    mask_image: mask,
    reference_images: reference,
    controls: controls.map((text, i) => ({
      ...readControl(text),
      ...(nets[i] !== undefined && { controlnet: nets[i] }),
    })),
  };
}

const CONTROL = /^(?<kind>[a-z]+)=(?<image>.+?)(?:@(?<scale>[\d.]+)(?::(?<start>[\d.]+)-(?<end>[\d.]+))?)?$/;

function readControl(text: string): GivenControl {
  const { kind, image, scale, start, end } = CONTROL.exec(text)?.groups ?? {};
  if (kind === undefined || image === undefined) {
    throw new UsageError(
      `--control ${text} is not KIND=FILE[@SCALE[:START-END]]. Try canny=room.png@0.8:0-0.6`,
    );
  }
  return {
    kind,
    image,
    ...(scale !== undefined && { scale: Number(scale) }),
    ...(start !== undefined && end !== undefined && { start: Number(start), end: Number(end) }),
  };
}
