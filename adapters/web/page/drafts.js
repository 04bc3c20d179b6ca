// @ts-check
/** What is typed and not sent yet, kept in this tab over a reload. Attached files cannot be kept. */

const KEY = 'darkroom.draft';

/** @typedef {{ text: string, reply?: string | undefined }} Draft `reply` is the id of the message replied to */

/** @param {Draft} draft */
export function keepDraft({ text, reply }) {
  try {
    if (text === '' && reply === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify({ text, reply }));
  } catch {
    // storage is disabled or full: a reload then empties the line
  }
}

/** @returns {Draft | undefined} */
export function keptDraft() {
  try {
    const { text, reply } = JSON.parse(sessionStorage.getItem(KEY) ?? '{}');
    return typeof text === 'string'
      ? { text, reply: typeof reply === 'string' ? reply : undefined }
      : undefined;
  } catch {
    return undefined;
  }
}
