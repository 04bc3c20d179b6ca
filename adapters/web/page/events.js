// @ts-check
/**
 * The events of the server. A browser opens few connections to one server over HTTP/1.1, so all tabs share one
 * stream through a SharedWorker. Where there is none, or it cannot be started, a tab opens a stream of its own.
 * @import { Job, Message } from './types.js'
 * @import { StreamEvent } from './stream.js'
 */
import { openStream } from './stream.js';

/**
 * Subscribes for as long as the page lives.
 * @param {{
 *   onOpen: () => void, onDrop: () => void, onMessage: (message: Message) => void,
 *   onJob: (job: Job & { message?: string, text?: string }) => void, onRemoved: (id: string) => void,
 * }} listener `onOpen` runs whenever the stream opens, and when the server no longer has the events to resume
 *   from: events may have been missed, and the conversation must be loaded again
 */
export function subscribe(listener) {
  /** @param {StreamEvent} event */
  const receive = ({ name, data }) => {
    if (name === 'open' || name === 'reset') listener.onOpen();
    else if (name === 'drop') listener.onDrop();
    else if (name === 'message') listener.onMessage(JSON.parse(data));
    else if (name === 'job') listener.onJob(JSON.parse(data));
    else listener.onRemoved(JSON.parse(data).id);
  };
  if (typeof SharedWorker === 'undefined') {
    openStream(receive);
    return;
  }
  const connect = () => {
    const worker = new SharedWorker('stream-worker.js', { type: 'module', name: 'darkroom-events' });
    const { port } = worker;
    // Its script could not be fetched: the server went away as the page came.
    worker.addEventListener('error', () => void openStream(receive), { once: true });
    port.addEventListener('message', ({ data }) => receive(data));
    port.start();
    return port;
  };
  let port = connect();
  addEventListener('pagehide', () => {
    port.postMessage('close');
    port.close();
  });
  // The browser may keep a page that was left and show it again as it was.
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) port = connect();
  });
}
