/**
 * A plot's SVG as PNG. Its labels are drawn in a font that comes with Darkroom, since a small machine has none, and an SVG
 * without fonts has no words.
 */
import { fileURLToPath } from 'node:url';
import sharp, { type OverlayOptions } from 'sharp';

const FONT = fileURLToPath(
  import.meta.resolve('@expo-google-fonts/dm-mono/400Regular/DMMono_400Regular.ttf'),
);
/** Pixels of the picture for one of the SVG. */
const SCALE = 2;
/** Pixels of an inch, in which SVG counts. */
const INCH = 96;
/** The labels as the charts library writes them, without markup inside. */
const LABEL = /<text ([^>]*)>([^<]*)<\/text>/g;
/** A plot has some dozens. */
const MOST_LABELS = 200;

/** @param svg of a plot of ours: never of a stranger @returns an opaque PNG, twice as large */
export async function plotPicture(svg: string): Promise<Uint8Array> {
  const labels = [...svg.matchAll(LABEL)].slice(0, MOST_LABELS);
  const drawn = await Promise.all(
    labels.map(([, attributes = '', text = '']) => drawLabel(attributes, text)),
  );
  const plain = Buffer.from(svg.replaceAll(LABEL, ''));
  const png = await sharp(plain, { density: 72 * SCALE })
    .composite(drawn.flat())
    .removeAlpha()
    .png({ palette: true })
    .toBuffer();
  return new Uint8Array(png);
}

async function drawLabel(attributes: string, text: string): Promise<OverlayOptions[]> {
  if (text.trim() === '') return [];
  const number = (name: string) =>
    Number(new RegExp(`(?:^|\\s)${name}="([-\\d.]+)"`).exec(attributes)?.[1] ?? 0);
  const [, left = '0', top = '0'] = /translate\(([-\d.]+)[ ,]([-\d.]+)\)/.exec(attributes) ?? [];
  const size = Number(/font-size:([\d.]+)px/.exec(attributes)?.[1] ?? 12);
  const ink = /fill="(#[0-9a-f]{6})"/i.exec(attributes)?.[1] ?? '#000000';
  const anchor = /text-anchor="(\w+)"/.exec(attributes)?.[1];
  const { data, info } = await sharp({
    text: {
      text: `<span foreground="${ink}">${text}</span>`,
      // Points of 1/72 inch are pixels of 1/96.
      ...{ font: `DM Mono ${size * 0.75}`, fontfile: FONT, dpi: INCH * SCALE, rgba: true },
    },
  })
    .png()
    .toBuffer({ resolveWithObject: true });
  const x = (Number(left) + number('x')) * SCALE;
  const y = (Number(top) + number('y')) * SCALE;
  const shift = { start: 0, middle: 0.5, end: 1 }[anchor ?? 'start'] ?? 0;
  return [
    {
      input: data,
      left: Math.max(0, Math.round(x - shift * info.width)),
      top: Math.max(0, Math.round(y - info.height / 2)),
    },
  ];
}
