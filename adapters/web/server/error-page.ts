/** Errors as a page, for people who open an address in a browser; programs get JSON. */
import { html } from 'hono/html';
import { type PlainKey, sayIn } from '../../../src/sentences.ts';
import { drawFrame, type Frame } from './page-frame.ts';
import type { RefusalStatus } from './refusal.ts';

const TITLES: Readonly<Partial<Record<RefusalStatus, PlainKey>>> = {
  403: 'web.title.forbidden',
  404: 'web.title.not_found',
  429: 'web.title.too_many',
  500: 'web.title.internal',
};

/** @param message one sentence */
export function drawErrorPage(status: RefusalStatus, message: string, frame: Frame) {
  const say = sayIn(frame.locale);
  return drawFrame(
    say(TITLES[status] ?? 'web.title.other'),
    frame,
    html`<p>${message}</p>
<p><a href="${frame.base}/">${say('web.open_chat')}</a></p>`,
  );
}
