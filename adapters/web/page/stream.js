// @ts-check
/** One stream of server-sent events, opened again whenever it ends. */

/**
 * @typedef {'message' | 'job' | 'removed' | 'reset'} ServerEventName
 * @typedef {{ name: 'open' | 'drop' | ServerEventName, data: string }} StreamEvent `data` is JSON, as it was sent
 */

/** @type {readonly ServerEventName[]} */
const NAMES = ['message', 'job', 'removed', 'reset'];
const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 15_000;

/**
 * The browser resumes a stream that was cut with Last-Event-ID. After an HTTP error it gives up, and this opens
 * a new one: a server that restarts answers with such errors for a while.
 * @param {(event: StreamEvent) => void} receive
 * @returns {() => void} closes the stream
 */
export function openStream(receive) {
  let delay = FIRST_DELAY_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {EventSource} */
  let source;
  const open = () => {
    source = new EventSource('api/events');
    source.addEventListener('open', () => {
      delay = FIRST_DELAY_MS;
      receive({ name: 'open', data: '' });
    });
    source.addEventListener('error', () => {
      receive({ name: 'drop', data: '' });
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, delay);
      delay = Math.min(delay * 2, MAX_DELAY_MS);
    });
    for (const name of NAMES) source.addEventListener(name, ({ data }) => receive({ name, data }));
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
