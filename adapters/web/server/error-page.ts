/** Errors as a page, for people who open an address in a browser; programs get JSON. */
import { html } from 'hono/html';
import { drawFrame } from './page-frame.ts';
import type { RefusalStatus } from './refusal.ts';

const TITLES: Readonly<Partial<Record<RefusalStatus, string>>> = {
  403: 'Not allowed',
  404: 'Not found',
  429: 'Too many requests',
  500: 'Something went wrong',
};

/**
 * @param base the path below which the chat is served, without a slash at its end
 * @param message one sentence
 */
export const drawErrorPage = (status: RefusalStatus, message: string, base: string) =>
  drawFrame(
    TITLES[status] ?? 'This does not work',
    base,
    html`<p>${message}</p>
<p><a href="${base}/">Open the chat</a></p>`,
  );
