/** The message that was replied to: its pictures are found the same way on every platform. */
import type { Invocation } from '../adapters/adapter.ts';
import { isVisible } from './job-access.ts';
import type { Ports } from './ports.ts';

/** Where the message shows one of our jobs, the ids of that job's pictures. */
export async function withShownPictures(
  invocation: Invocation,
  { jobs }: Pick<Ports, 'jobs'>,
): Promise<Invocation> {
  const { repliedTo } = invocation;
  if (repliedTo?.shows === undefined || repliedTo.pictureIds.length > 0) return invocation;
  const { id, picture } = repliedTo.shows;
  const record = await jobs.get(id);
  if (record === undefined || record.frame?.isDeleted === true || !isVisible(record, invocation))
    return invocation;
  const shown = picture === undefined ? record.pictures : record.pictures.slice(picture - 1, picture);
  return { ...invocation, repliedTo: { ...repliedTo, pictureIds: shown.map((one) => one.id) } };
}
