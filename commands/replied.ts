/** The message that was replied to: its pictures are found the same way on every platform. */
import type { Invocation, RepliedMessage } from '../adapters/adapter.ts';
import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
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

/** How many pictures the message shows. */
export function shownCount({ pictureIds, attachments = [] }: RepliedMessage = NOTHING): number {
  return pictureIds.length > 0 ? pictureIds.length : attachments.length;
}
const NOTHING: RepliedMessage = { id: '', pictureIds: [] };

/** About one of the pictures of the message. @throws DarkroomError('bad_request') where it shows no such one */
export function withPicture(invocation: Invocation, number: number | undefined): Invocation {
  const { repliedTo } = invocation;
  if (number === undefined || repliedTo === undefined) return invocation;
  const { pictureIds, attachments = [] } = repliedTo;
  const shown = shownCount(repliedTo);
  const index = number < 0 ? shown - 1 : number - 1;
  if (index < 0 || index >= shown) {
    throw new DarkroomError('bad_request', sentence('action.no_such_picture', { count: shown }));
  }
  const only = {
    ...(pictureIds.length > 0 && { pictureIds: pictureIds.slice(index, index + 1) }),
    ...(pictureIds.length === 0 && { attachments: attachments.slice(index, index + 1) }),
  };
  return { ...invocation, repliedTo: { ...repliedTo, ...only } };
}
