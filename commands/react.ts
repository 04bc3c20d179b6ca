/** A star given as a reaction to a message of ours: as with the Star button, it is the star of whoever reacts. */
import type { Reaction } from '../adapters/adapter.ts';
import { isVisible } from './job-access.ts';
import type { Ports } from './ports.ts';

/** Nobody is answered: what a reaction cannot star stays as it is. */
export async function starByReaction(
  { jobs: shown, platform, user, tenant, isAdded }: Reaction,
  { jobs, gallery }: Pick<Ports, 'jobs' | 'gallery'>,
): Promise<void> {
  const viewer = { platform, user: { id: user }, where: { tenant } };
  const [latest] = (await jobs.getAll(shown)).toSorted((a, b) => b.at - a.at);
  // Of a grid nobody knows which picture is meant; of several pictures it is the first.
  if (latest === undefined || latest.frame?.isDeleted === true || latest.frame?.sweep !== undefined) return;
  const [picture] = latest.pictures;
  if (picture === undefined || !isVisible(latest, viewer)) return;
  await gallery.setStar(picture.id, user, isAdded);
}
