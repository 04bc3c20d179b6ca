/** Which job a message of the bot shows: its buttons say it, whatever the platform keeps beside them. */

export interface ShownJob {
  readonly id: string;
  /** Number of the only picture that it shows, where the job has several. */
  readonly picture?: number;
}

/** A command that begins anew, also in a thread with pictures; a sweep of strengths is of a picture. */
export const NEW_PICTURE = /^\/(?:imagine\b|sweep\b(?![\s\S]*\bstrength\b))/i;

const ACTION = /^[a-z]+:([0-9a-f-]{36})(?::(\d+))?$/;

/** @param actions ids of all buttons of the message; undefined where they are not those of one job */
export function shownJob(actions: readonly string[]): ShownJob | undefined {
  const found = actions.map((id) => ACTION.exec(id));
  const jobs = new Set(found.map((match) => match?.[1]));
  const [id] = jobs;
  if (jobs.size !== 1 || id === undefined) return undefined;
  const pictures = new Set(found.map((match) => match?.[2]));
  const [picture] = pictures;
  return { id, ...(pictures.size === 1 && picture !== undefined && { picture: Number(picture) }) };
}
