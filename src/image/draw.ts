/** Filled shapes without anti-aliasing, on the pixels that OpenCV's drawing functions take. */
import { roundHalfToEven } from '../rounding.ts';
import type { Raster } from './resample.ts';

export type Rgb = readonly [number, number, number];

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A filled shape, row by row: the first and last column that it covers, both included. */
class Spans {
  readonly #rows = new Map<number, [number, number]>();

  add(x: number, y: number): void {
    const span = this.#rows.get(y);
    if (span === undefined) this.#rows.set(y, [x, x]);
    else if (x < span[0]) span[0] = x;
    else if (x > span[1]) span[1] = x;
  }

  paint({ data, width, height }: Raster, color: Rgb): void {
    for (const [y, [from, to]] of this.#rows) {
      if (y < 0 || y >= height) continue;
      for (let x = Math.max(from, 0); x <= Math.min(to, width - 1); x++) data.set(color, (y * width + x) * 3);
    }
  }
}

/**
 * Fills an ellipse in place, as cv2.fillConvexPoly over cv2.ellipse2Poly with one corner per degree.
 * @param centre in whole pixels
 * @param along half the length of its long axis, in whole pixels
 * @param across half the length of its short axis, in whole pixels
 * @param degrees whole degrees from the x axis to the long axis, clockwise
 */
export function fillEllipse(
  picture: Raster,
  centre: Point,
  along: number,
  across: number,
  degrees: number,
  color: Rgb,
): void {
  const spans = new Spans();
  const [cos, sin] = [cosine(degrees), cosine(degrees - 90)];
  const corners = Array.from({ length: 361 }, (_, i) => {
    const [u, v] = [along * cosine(i), across * cosine(i - 90)];
    return {
      x: roundHalfToEven(centre.x + u * cos - v * sin),
      y: roundHalfToEven(centre.y + u * sin + v * cos),
    };
  });
  for (const [i, corner] of corners.entries()) {
    if (i === 0) continue;
    addLine(spans, corners[i - 1]!, corner);
    addEdge(spans, corners[i - 1]!, corner);
  }
  spans.paint(picture, color);
}

/** Fills a disc in place by the midpoint algorithm (Bresenham 1977), as cv2.circle with thickness -1 does. */
export function fillDisc(picture: Raster, centre: Point, radius: number, color: Rgb): void {
  const spans = new Spans();
  let [x, y, error, plus, minus] = [radius, 0, 0, 1, 2 * radius - 1];
  while (x >= y) {
    for (const [across, down] of [
      [x, y],
      [y, x],
    ] as const) {
      for (const row of [centre.y - down, centre.y + down]) {
        spans.add(centre.x - across, row);
        spans.add(centre.x + across, row);
      }
    }
    y++;
    error += plus;
    plus += 2;
    if (error > 0) {
      error -= minus;
      x--;
      minus -= 2;
    }
  }
  spans.paint(picture, color);
}

/** The pixels of a line of 8-connected steps (Bresenham 1965), from left to right; a half rounds towards the start. */
function addLine(spans: Spans, a: Point, b: Point): void {
  const [from, to] = a.x <= b.x ? [a, b] : [b, a];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.max(Math.abs(dx), Math.abs(dy));
  const step = (distance: number, i: number) =>
    Math.sign(distance) * Math.ceil((Math.abs(distance) * i) / length - 0.5);
  spans.add(from.x, from.y);
  for (let i = 1; i <= length; i++) spans.add(from.x + step(dx, i), from.y + step(dy, i));
}

/** Where a row meets an edge of a polygon, in 65536ths of a pixel as in OpenCV; a half rounds to the right. */
function addEdge(spans: Spans, a: Point, b: Point): void {
  const [from, to] = a.y <= b.y ? [a, b] : [b, a];
  const rows = to.y - from.y;
  const slope = Math.trunc((2 * (to.x - from.x) * 2 ** 16 + rows) / (2 * rows));
  for (let i = 0; i < rows; i++) {
    spans.add(Math.floor(from.x + (slope * i) / 2 ** 16 + 0.5), from.y + i);
  }
}

/** Cosine of whole degrees, to seven digits as in OpenCV's table. */
function cosine(degrees: number): number {
  return Math.fround(Number(Math.cos((degrees * Math.PI) / 180).toFixed(7)));
}
