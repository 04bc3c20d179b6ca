// @ts-check
/** Addresses within the page: `#message-ID` is a message, `#message-ID-2` its second picture in the viewer. */

/** @typedef {{ message: string, picture: number | undefined }} Place `picture` counts from 1 */

const PLACE = /^#message-([0-9a-z]{1,64})(?:-(\d{1,2}))?$/;

/** @param {string} message @param {number} [picture] from 1 */
export const linkTo = (message, picture) =>
  picture === undefined ? `#message-${message}` : `#message-${message}-${picture}`;

/** @param {string} hash of the address @returns {Place | undefined} */
export function placeOf(hash) {
  const [, message, picture] = PLACE.exec(hash) ?? [];
  if (message === undefined) return undefined;
  return { message, picture: picture === undefined ? undefined : Number(picture) };
}

/**
 * The picture that another one was made from.
 * @param {import('./types.js').Message} message of that other one
 * @param {import('./types.js').Message | undefined} parent the message that it started from
 */
export const originPicture = ({ about }, parent) => parent?.pictures[(about?.origin?.picture ?? 1) - 1];

/** The address without a place, so that a reload shows the newest messages. */
export function leavePlace() {
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
}
