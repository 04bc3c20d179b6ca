/** A picture on a larger canvas, whose rest is drawn: zoomed out on all sides, or panned to one of them. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import { sentence, type Words } from '../sentences.ts';
import type { ModelDefaults } from './defaults.ts';
import { LIMITS } from './limits.ts';
import { integer, name, number, said } from './schemas.ts';
import { multipleOf, type Size } from './sizes.ts';

/** The side on which a pan adds to the picture. */
export const PANS = ['left', 'right', 'up', 'down'] as const;
type Pan = (typeof PANS)[number];

/** How many times longer a pan makes the side along which it goes. */
const PAN_GROWTH = 1.5;
/** The start of the new part are the picture's own colours, spread out; a little of them stays. */
export const OUTPAINT_STRENGTH = 0.95;
/** A side of the picture in pixels, below which there is nothing to go on from. */
const SMALLEST = 32;
/** The drawing has at most so many times the model's own area: beyond it, models repeat themselves. */
const MOST_AREA = 2;

export interface OutpaintRequest {
  readonly zoom: number;
  readonly pan?: Pan;
  /** Of the result in pixels. The request's own width and height are those of its drawing. */
  readonly width: number;
  readonly height: number;
  /** Where the picture lies in the result, and its size there. */
  readonly left: number;
  readonly top: number;
  readonly keptWidth: number;
  readonly keptHeight: number;
}

const place = (label: string) => integer(`outpaint ${label}`, { min: 0, max: LIMITS.size.max }).optional();
export const outpaintShape = {
  zoom: number('outpaint zoom', LIMITS.zoom).optional(),
  pan: name('outpaint pan', PANS).optional(),
  width: place('width'),
  height: place('height'),
  left: place('left'),
  top: place('top'),
  kept_width: place('kept_width'),
  kept_height: place('kept_height'),
};
export const outpaintSchema = z.strictObject(outpaintShape, said(sentence('field.outpaint')));
export type OutpaintDraft = z.input<typeof outpaintSchema>;

/**
 * @param source the picture's size
 * @throws DarkroomError('bad_request')
 */
export function freezeOutpaint(draft: OutpaintDraft, defaults: ModelDefaults, source: Size): OutpaintRequest {
  const { zoom = 1, pan } = draft;
  if (zoom === 1 && pan === undefined) {
    throw new DarkroomError('bad_request', sentence('request.outpaint_nothing'));
  }
  requireLarge(source, sentence('request.picture_is', { width: source.width, height: source.height }));
  const placed = placeOf(draft) ?? layOut({ zoom, ...(pan && { pan }) }, defaults, source);
  requireLarge(
    { width: placed.keptWidth, height: placed.keptHeight },
    sentence('request.picture_on_canvas', { width: placed.keptWidth, height: placed.keptHeight }),
  );
  requireInside(placed);
  return Object.freeze({ zoom, ...(pan && { pan }), ...placed });
}

export const outpaintToJson = ({ keptWidth, keptHeight, ...rest }: OutpaintRequest): OutpaintDraft => ({
  ...rest,
  kept_width: keptWidth,
  kept_height: keptHeight,
});

/** The size that is drawn: the result's, or about as large as the model draws well, in its multiples. */
export function outpaintSize(
  { width, height }: Size,
  defaults: Pick<ModelDefaults, 'width' | 'height' | 'maxSize' | 'sizeMultiple'>,
): Size {
  const multiple = defaults.sizeMultiple ?? LIMITS.size.multiple;
  const area = MOST_AREA * defaults.width * defaults.height;
  const scale = Math.min(1, Math.sqrt(area / (width * height)), defaults.maxSize / Math.max(width, height));
  const side = (pixels: number) => Math.max(multiple, Math.floor((pixels * scale) / multiple) * multiple);
  return { width: side(width), height: side(height) };
}

/** A sentence where the picture had to be made smaller for the canvas to fit. */
export function noteOutpaint(
  { keptWidth, keptHeight, width, height }: OutpaintRequest,
  source: Size,
): Words[] {
  if (keptWidth === source.width && keptHeight === source.height) return [];
  return [
    sentence('request.outpaint_reduced', {
      width: source.width,
      height: source.height,
      keptWidth,
      keptHeight,
      limit: Math.max(width, height),
    }),
  ];
}

type Placed = Omit<OutpaintRequest, 'zoom' | 'pan'>;

/** As a frozen request has it. */
function placeOf(draft: OutpaintDraft): Placed | undefined {
  const { width, height, left, top, kept_width: keptWidth, kept_height: keptHeight } = draft;
  const all = { width, height, left, top, keptWidth, keptHeight };
  const given = Object.values(all).filter((one) => one !== undefined).length;
  if (given === 0) return undefined;
  if (given === Object.keys(all).length) return all as Placed;
  throw new DarkroomError('bad_request', sentence('request.outpaint_fields'));
}

/** The picture keeps its size where the result may be as large as that needs. */
function layOut(
  { zoom, pan }: { readonly zoom: number; readonly pan?: Pan },
  defaults: ModelDefaults,
  source: Size,
): Placed {
  const isAcross = pan === 'left' || pan === 'right';
  const growth = {
    width: zoom * (isAcross ? PAN_GROWTH : 1),
    height: zoom * (pan !== undefined && !isAcross ? PAN_GROWTH : 1),
  };
  const most = Math.min(LIMITS.size.max, defaults.largestPicture ?? LIMITS.size.max);
  const wanted = { width: source.width * growth.width, height: source.height * growth.height };
  const scale = Math.min(1, most / Math.max(wanted.width, wanted.height));
  const multiple = multipleOf(defaults);
  const side = (pixels: number) =>
    Math.max(
      multiple,
      Math.min(Math.floor(most / multiple), Math.round((pixels * scale) / multiple)) * multiple,
    );
  const [width, height] = [side(wanted.width), side(wanted.height)];
  const keptWidth = Math.min(width, Math.round(source.width * scale));
  const keptHeight = Math.min(height, Math.round(source.height * scale));
  const [right, bottom] = [width - keptWidth, height - keptHeight];
  const left = pan === 'left' ? right : pan === 'right' ? 0 : Math.round(right / 2);
  const top = pan === 'up' ? bottom : pan === 'down' ? 0 : Math.round(bottom / 2);
  return { width, height, left, top, keptWidth, keptHeight };
}

function requireLarge({ width, height }: Size, what: Words): void {
  if (Math.min(width, height) >= SMALLEST) return;
  throw new DarkroomError('bad_request', sentence('request.outpaint_small', { what, least: SMALLEST }));
}

function requireInside({ width, height, left, top, keptWidth, keptHeight }: Placed): void {
  if (left + keptWidth <= width && top + keptHeight <= height) return;
  throw new DarkroomError(
    'bad_request',
    sentence('request.outpaint_outside', { keptWidth, keptHeight, left, top, width, height }),
  );
}
