/** Which finished pictures are shown only to those who open them: asked by everything that shows a picture. */
import type { Finding, Moderation } from '../job.ts';

/**
 * @param moderation of the picture's job
 * @param finding of the picture; absent where it was not checked
 */
export const isHiddenUntilOpened = (
  moderation: Moderation | undefined,
  finding: Finding | undefined,
): boolean => moderation === 'spoiler' && finding?.isFlagged !== false;
