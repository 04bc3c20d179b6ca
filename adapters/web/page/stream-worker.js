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
let isOpen = false;

/** @param {StreamEvent} event */
function receive(event) {
  if (event.name === 'open') isOpen = true;
  if (event.name === 'drop') isOpen = false;
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
    isOpen = false;
  });
  tab.start();
  if (close === undefined) close = openStream(receive);
  else if (isOpen) tab.postMessage({ name: 'open', data: '' });
};
