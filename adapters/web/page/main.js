// @ts-check
/**
 * The page's wiring: what the server says goes into the conversation, the conversation onto the page, keys
 * and presses back to the server.
 * @import { Control } from './controls.js'
 * @import { Message, Picture } from './types.js'
 */
import * as api from './api.js';
import { Composer } from './composer.js';
import { Conversation, describeJob, isAlive } from './conversation.js';
import { announce, byId } from './dom.js';
import { drawGallery } from './gallery.js';
import { MessageView } from './message.js';
import { Sheet } from './sheet.js';
import { Viewer } from './viewer.js';

const list = byId('conversation');
const latest = byId('latest');
/** @type {Map<string, MessageView>} */
const views = new Map();

const conversation = new Conversation({ id: '', name: '' }, { onChange: show, onRemove: remove });
const pictures = () => conversation.pictures();
const viewer = new Viewer({ pictures, onReply: reply });
const sheet = new Sheet({ pictures, onOpen: (id) => viewer.open(id) });
const composer = new Composer({
  lines: () => conversation.myLines(),
  onSent: ({ request, message }) => {
    conversation.add(request);
    conversation.add(message);
    toEnd();
  },
  onEscape: () => {
    const message = conversation.myRunning();
    if (message === undefined) return false;
    cancel(message);
    return true;
  },
});

/** @type {import('./message.js').MessageContext} */
const context = {
  isMine: (message) => conversation.isMine(message),
  repliedTo: (message) => conversation.get(message.reply_to),
  onOpen: (picture) => viewer.open(picture.id),
  onReply: (message) => reply(message, message.pictures[0]),
  onUse: (message, control) => reply(message, message.pictures[0], control),
  onPress: (message, action, values) =>
    refusing(async () => {
      const answer = await api.press(message.id, action.id, values);
      conversation.add(answer?.message);
    }),
  onCancel: cancel,
};

/**
 * Begins an edit, or a picture that takes something from this one. A reply means a message's first picture;
 * another of them goes along as a file.
 * @param {Message} message
 * @param {Picture | undefined} picture
 * @param {Control} [control]
 */
async function reply(message, picture, control) {
  const { inputs } = composer;
  if (picture !== undefined && picture !== message.pictures[0]) {
    await refusing(async () => inputs.addFiles([await api.download(picture)], control));
  } else if (control) inputs.replyAs(message, control);
  else inputs.reply(message);
}

/** @param {Message} message */
function cancel({ job }) {
  if (job) refusing(() => api.cancel(job.id));
  composer.focus();
}

/**
 * Runs a call and says its refusal at the prompt line.
 * @param {() => Promise<unknown>} call
 * @returns {Promise<boolean>} whether it was taken
 */
async function refusing(call) {
  composer.refuse('');
  try {
    await call();
    return true;
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    composer.refuse(error.message);
    return false;
  }
}

/** @param {Message} message @param {Message | undefined} before */
function show(message, before) {
  let view = views.get(message.id);
  if (view === undefined) {
    view = new MessageView(context);
    views.set(message.id, view);
    list.append(view.element);
  }
  view.show(message);
  // An answer right under what it answers needs no heading of its own.
  const above = view.element.previousElementSibling;
  const answers = above instanceof HTMLElement && above.dataset['id'] === message.reply_to;
  view.element.classList.toggle('answer', message.author.bot === true && answers);
  if (!follows && before === undefined) latest.hidden = false;
  showRoom();
  if (isLoaded) speak(message, before);
}

/** @param {string} id */
function remove(id) {
  views.get(id)?.element.remove();
  views.delete(id);
  composer.inputs.forget(id);
  showRoom();
}

/** What depends on the conversation as a whole: the empty state, the safelight, the window's title. */
function showRoom() {
  byId('empty').hidden = !isLoaded || conversation.size > 0;
  /** @type {HTMLButtonElement} */ (byId('open-sheet')).disabled = pictures().length === 0;
  const mine = conversation.myRunning()?.job;
  byId('safelight').classList.toggle(
    'on',
    conversation.all().some(({ job }) => isAlive(job)),
  );
  document.title = mine ? `${describeJob(mine)} \u00b7 Darkroom` : 'Darkroom';
}

/** Says aloud what changed: the stages of a job, never each of its steps. @param {Message} message @param {Message | undefined} before */
function speak(message, before) {
  const { job, author } = message;
  if (author.id === conversation.me.id) return;
  const state = job?.state;
  if (state !== undefined && state === before?.job?.state) return;
  if (job && isAlive(job)) {
    if (conversation.isMine(message)) announce(describeJob(job));
    return;
  }
  if (before !== undefined && state === undefined) return;
  const error = message.error ?? job?.error;
  const alts = message.pictures.map(({ alt }) => alt).join('. ');
  if (error) announce(error.message);
  else if (alts !== '') announce(`Picture ready: ${alts}. ${message.footer ?? ''}`);
  else announce(`${author.name}: ${message.text || (job ? describeJob(job) : '')}`);
}

/** Whether the page stays at its end as it grows: so until the reader scrolls up. */
let follows = true;
function isAtEnd() {
  const { scrollHeight } = document.documentElement;
  return scrollHeight - scrollY - innerHeight < 96;
}

function toEnd() {
  follows = true;
  scrollTo({ top: document.documentElement.scrollHeight });
  latest.hidden = true;
}

let isLoaded = false;
async function load() {
  await conversation.load(api.messages);
  const first = !isLoaded;
  isLoaded = true;
  showRoom();
  if (first) toEnd();
}

/** Keys that mean the same anywhere on the page. @param {KeyboardEvent} event */
function onKey(event) {
  if (document.querySelector('dialog[open]') || event.defaultPrevented || event.isComposing) return;
  if (event.key === 'Escape') {
    if (composer.escape()) event.preventDefault();
    return;
  }
  const typing =
    event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (typing && document.activeElement !== composer.line) composer.focus();
}

document.addEventListener('keydown', onKey);
byId('open-sheet').addEventListener('click', () => sheet.open());
latest.addEventListener('click', toEnd);
addEventListener(
  'scroll',
  () => {
    follows = isAtEnd();
    if (follows) latest.hidden = true;
  },
  { passive: true },
);
const growth = new ResizeObserver(() => {
  if (follows) toEnd();
});
growth.observe(byId('room'));
growth.observe(composer.form);

const connection = byId('connection');
refusing(async () => {
  conversation.me = await api.me();
  api.listen({
    onOpen: () => {
      connection.textContent = '';
      refusing(load);
    },
    onDrop: () => {
      connection.textContent = 'The connection is lost. Trying again.';
    },
    onMessage: (message) => conversation.put(message),
    onJob: (event) => conversation.putJob(event),
    onRemoved: (id) => conversation.remove(id),
  });
});
refusing(async () => {
  const { commands, gallery, words } = await api.commands();
  composer.setCommands(commands);
  drawGallery(gallery, words, (line) => {
    composer.write(line);
    composer.send();
  });
});
composer.focus();
