/** Whether two pictures show the same, whatever their files say beside it. */
import { decodeRgb } from './pixels.ts';

/** @throws DarkroomError for a file that is no picture */
export async function arePixelsEqual(one: Uint8Array, other: Uint8Array): Promise<boolean> {
  const [a, b] = await Promise.all([decodeRgb(one), decodeRgb(other)]);
  return a.width === b.width && a.height === b.height && Buffer.compare(a.data, b.data) === 0;
}
