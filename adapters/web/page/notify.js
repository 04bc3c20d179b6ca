// @ts-check
/**
 * Notifications of the browser when a picture is done, for those who switch them on: in this browser, and only while
 * the page is not looked at.
 * @import { Message } from './types.js'
 */
import { say } from './say.js';

const KEY = 'darkroom.notify';

/** Browsers have notifications only over HTTPS and on localhost. */
export const canNotify = 'Notification' in globalThis && isSecureContext;

export function notifies() {
  try {
    return canNotify && Notification.permission === 'granted' && localStorage.getItem(KEY) === 'on';
  } catch {
    return false; // storage is disabled
  }
}

/**
 * @param {boolean} isOn
 * @returns {Promise<string>} why it stays off, in one sentence; '' where it is as wanted
 */
export async function setNotifies(isOn) {
  if (isOn && (await Notification.requestPermission()) !== 'granted') {
    return say('page.notify_denied');
  }
  try {
    if (isOn) localStorage.setItem(KEY, 'on');
    else localStorage.removeItem(KEY);
    return '';
  } catch {
    return say('page.no_storage');
  }
}

/**
 * @param {Message} message of this user, whose job has just ended
 * @param {() => void} onOpen
 */
export function notify(message, onOpen) {
  if (!notifies() || (document.visibilityState === 'visible' && document.hasFocus())) return;
  const { job, pictures, id } = message;
  const [picture] = pictures;
  const error = job?.error ?? message.error;
  const title = say(job?.state === 'done' ? 'page.picture_done' : 'page.picture_failed');
  // All tabs of the browser say the same: the tag makes one notification of them.
  const shown = new Notification(title, {
    tag: id,
    body: error?.message ?? picture?.alt ?? '',
    // A notification shows its picture to everybody who sees the screen.
    ...(picture && !picture.spoiler && { icon: picture.url }),
  });
  shown.addEventListener('click', () => {
    shown.close();
    window.focus();
    onOpen();
  });
}
