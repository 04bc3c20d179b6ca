// @ts-check
/**
 * The server's calls (docs/interfaces.md, "HTTP of the web chat") and its one stream of events.
 * @import { Author, Commands, Job, Message } from './types.js'
 */

/** A refusal in the server's own sentence, or ours where no server answered. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status; 0 where nothing answered
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
async function call(path, init = {}) {
  const response = await fetch(path, { credentials: 'same-origin', ...init }).catch(() => {
    throw new ApiError(0, 'offline', 'The server does not answer. Your words are kept; send them again.');
  });
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw new ApiError(
    response.status,
    body?.error?.code ?? 'internal',
    body?.error?.message ?? `The server answered ${response.status}. Your words are kept; send them again.`,
  );
}

/** @returns {Promise<Author>} who this browser is */
export const me = () => call('/api/me');

/** @returns {Promise<Commands>} */
export const commands = () => call('/api/commands');

/** @returns {Promise<Message[]>} the whole conversation, oldest first */
export async function messages() {
  const body = await call('/api/messages');
  return Array.isArray(body) ? body : body.messages;
}

/**
 * @param {{ text: string, replyTo?: string | undefined, files?: readonly File[] }} draft
 * @returns {Promise<{ request?: Message, message?: Message }>}
 */
export function post({ text, replyTo, files = [] }) {
  const form = new FormData();
  form.set('text', text);
  if (replyTo !== undefined) form.set('reply_to', replyTo);
  for (const file of files) form.append('files[]', file, file.name);
  return call('/api/messages', { method: 'POST', body: form });
}

/**
 * @param {string} message whose button it is
 * @param {string} action
 * @param {import('./form.js').FormValues} [values] of its form
 * @returns {Promise<{ message?: Message } | null>}
 */
export const press = (message, action, values) =>
  call('/api/actions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message, action, values }),
  });

/** @param {import('./types.js').Picture} picture @returns {Promise<File>} */
export async function download({ id, url }) {
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok)
    throw new ApiError(response?.status ?? 0, 'not_found', 'That picture is not here any more.');
  const blob = await response.blob();
  return new File([blob], `${id}.png`, { type: blob.type });
}

/** @param {string} job */
export const cancel = (job) => call(`/api/jobs/${encodeURIComponent(job)}`, { method: 'DELETE' });

/**
 * Listens to the server's events for as long as the page lives. The browser itself resumes a dropped stream
 * with Last-Event-ID; `onOpen` runs at every opening and where the server kept too little to resume: read anew.
 * @param {{
 *   onOpen: () => void, onDrop: () => void, onMessage: (message: Message) => void,
 *   onJob: (job: Job & { message?: string }) => void, onRemoved: (id: string) => void,
 * }} listener
 */
export function listen(listener) {
  let delay = 1000;
  const open = () => {
    const source = new EventSource('/api/events');
    source.addEventListener('open', () => {
      delay = 1000;
      listener.onOpen();
    });
    source.addEventListener('error', () => {
      listener.onDrop();
      // After an HTTP error the browser gives up; a restarting server gives such errors, so we do not.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(open, delay);
      delay = Math.min(delay * 2, 15_000);
    });
    source.addEventListener('message', (event) => listener.onMessage(JSON.parse(event.data)));
    source.addEventListener('job', (event) => listener.onJob(JSON.parse(event.data)));
    source.addEventListener('reset', listener.onOpen);
    source.addEventListener('removed', (event) => listener.onRemoved(JSON.parse(event.data).id));
  };
  open();
}
