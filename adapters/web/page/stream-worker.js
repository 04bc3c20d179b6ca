// @ts-check
/**
 * The SharedWorker that holds the one stream of events for all tabs of this browser, see events.js.
 * @import { StreamEvent } from './stream.js'
 */
import { openStream } from './stream.js';

const scope = /** @type {{ onconnect: ((event: MessageEvent) => void) | null }} */ (
  /** @type {unknown} */ (globalThis)
);
/** @type {Set<MessagePort>} */
const tabs = new Set();
/** @type {(() => void) | undefined} */
let close;
/** What the stream told last of itself. @type {'open' | 'drop' | undefined} */
let state;

/** @param {StreamEvent} event */
function receive(event) {
  if (event.name === 'open' || event.name === 'drop') state = event.name;
  for (const tab of tabs) tab.postMessage(event);
}

scope.onconnect = ({ ports: [tab] }) => {
  if (tab === undefined) return;
  tabs.add(tab);
  tab.addEventListener('message', () => {
    // The only message of a tab is that it closes.
    tabs.delete(tab);
    if (tabs.size > 0) return;
    close?.();
    close = undefined;
    state = undefined;
  });
  tab.start();
  if (close === undefined) close = openStream(receive);
  else if (state !== undefined) tab.postMessage({ name: state, data: '' });
};
