// @ts-check
/** Files that are chosen, pasted, or dropped anywhere on the page. */
import { byId } from './dom.js';

/** @param {(files: Iterable<File>) => void} onFiles */
export function acceptFiles(onFiles) {
  const pick = /** @type {HTMLInputElement} */ (byId('pick'));
  byId('attach').addEventListener('click', () => pick.click());
  pick.addEventListener('change', () => {
    onFiles(pick.files ?? []);
    pick.value = '';
  });
  document.addEventListener('paste', (event) => {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    onFiles(files);
  });
  const drop = byId('drop');
  /** @param {DragEvent} event */
  const carriesFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files') === true;
  document.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    drop.hidden = false;
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) drop.hidden = true; // the pointer left the window
  });
  document.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    drop.hidden = true;
    onFiles(event.dataTransfer?.files ?? []);
  });
}
