// @ts-check
/** Names and limits that both the page and the server use. */

/** The file name by which a mask is recognized among the files of a message. */
export const MASK_NAME = 'mask.png';

/** The largest message: characters of its text, number of files, and bytes of the whole request. */
export const MESSAGE_LIMITS = { textCharacters: 20_000, files: 4, bodyBytes: 12 * 1024 * 1024 };

/** Messages that the page asks for at a time. */
export const HISTORY_PAGE = 50;
/** Messages that one call of the history answers at most. */
export const MAX_HISTORY_PAGE = 200;
