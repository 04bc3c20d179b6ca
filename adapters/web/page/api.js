// @ts-check
/**
 * The HTTP calls of the server, see docs/interfaces.md. Paths are relative, so that a proxy can serve the page
 * below any path.
 * @import { Commands, Completion, Me, Message } from './types.js'
 */
import { say } from './say.js';
import { HISTORY_PAGE } from './shared.js';

/** Only the browser knows the zone of its clock. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A refusal with the sentence of the server, or with ours if no server answered. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status; 0 if no server answered
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
  return (await request(path, init)).json().catch(() => null);
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
async function request(path, init) {
  const headers = { ...init.headers, 'darkroom-zone': ZONE };
  const response = await fetch(path, { credentials: 'same-origin', ...init, headers }).catch(() => {
    throw new ApiError(0, 'offline', say('page.offline'));
  });
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new ApiError(
    response.status,
    body?.error?.code ?? 'internal',
    body?.error?.message ?? say('page.server_error', { status: response.status }),
  );
}

/** @returns {Promise<Me>} who this browser is */
export const me = () => call('api/me');

/** @param {string} path @param {object} body */
const postJson = (path, body) =>
  call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** @param {string} name @returns {Promise<Me>} */
export const rename = (name) => postJson('api/me', { name });

/** @param {string} name @param {boolean} admin @returns {Promise<{ url: string }>} opens the chat once under that name */
export const makeLink = (name, admin) => postJson('api/links', { name, admin });

/** @returns {Promise<Commands>} */
export const commands = () => call('api/commands');

/** @param {string} command @param {string} option @param {string} typed @returns {Promise<Completion[]>} */
export const complete = (command, option, typed) =>
  call(`api/suggest?${new URLSearchParams({ command, option, typed })}`);

/**
 * @param {string | undefined} before only messages before this id
 * @param {number} [limit]
 * @returns {Promise<Message[]>} the newest of them, oldest first
 */
export function messages(before, limit = HISTORY_PAGE) {
  const query = new URLSearchParams({ limit: String(limit), ...(before !== undefined && { before }) });
  return call(`api/messages?${query}`);
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
  return call('api/messages', { method: 'POST', body: form });
}

/**
 * A file as it will look as an attachment: upright, in the colours of the screen.
 * @param {File} file
 * @returns {Promise<{ picture: Blob, isPose: boolean }>} `isPose` for a file of keypoints
 */
export async function preview(file) {
  const form = new FormData();
  form.append('files[]', file, file.name);
  const response = await request('api/uploads', { method: 'POST', body: form });
  const isPose = response.headers.get('darkroom-control') === 'openpose';
  return { picture: await response.blob(), isPose };
}

/**
 * @param {string} message that shows the button
 * @param {string} action
 * @param {import('./form.js').FormValues} [values] from its form
 * @returns {Promise<{ message?: Message } | null>}
 */
export const press = (message, action, values) => postJson('api/actions', { message, action, values });

/** @param {string} job */
export const cancel = (job) => call(`api/jobs/${encodeURIComponent(job)}`, { method: 'DELETE' });

/** Deletes a message, and what belongs to it; also when the page is left meanwhile. @param {string} message */
export const remove = (message) =>
  call(`api/messages/${encodeURIComponent(message)}`, { method: 'DELETE', keepalive: true });
