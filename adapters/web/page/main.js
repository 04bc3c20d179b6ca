// @ts-check
/**
 * Connects the parts of the page: events of the server change the conversation, the conversation changes the
 * page, and keys and buttons call the server.
 * @import { Control } from './controls.js'
 * @import { FormValues } from './form.js'
 * @import { Action, Message, Picture } from './types.js'
 */
import * as api from './api.js';
import { Background, once } from './background.js';
import { Composer } from './composer.js';
import { Conversation, isLive } from './conversation.js';
import { Deletions } from './deletions.js';
import { announce, byId } from './dom.js';
import { subscribe } from './events.js';
import { drawGallery } from './gallery.js';
import { LiveAnswers } from './live-answers.js';
import { notify } from './notify.js';
import { placeOf } from './places.js';
import { say } from './say.js';
import { Sheet } from './sheet.js';
import { Timeline } from './timeline.js';
import { Viewer } from './viewer.js';
import { You } from './you.js';

const conversation = new Conversation({ id: '', name: '' }, { onChange: show, onRemove: remove });
const pictures = {
  all: () => conversation.pictures(),
  hasEarlier: () => conversation.hasEarlier,
  loadEarlier: () => tryCall(() => conversation.loadEarlier(api.messages)),
};
const viewer = new Viewer({
  pictures,
  onReply: reply,
  onPress: press,
  before: (message) => conversation.parentOf(message),
  canRemove: (message) => conversation.canRemove(message),
  onShowMessage: ({ id }) => timeline.goTo(id),
});
const sheet = new Sheet({ pictures, onOpen: (id) => viewer.open(id) });
const you = new You({
  onRename: (me) => {
    conversation.me = me;
  },
});
const composer = new Composer({
  lines: () => conversation.myLines(),
  onSent: ({ request, message }) => {
    conversation.add(request);
    conversation.add(message);
    timeline.toEnd();
  },
  onEscape: () => {
    const message = conversation.myRunning();
    if (message === undefined) return false;
    cancel(message);
    return true;
  },
});
const deletions = new Deletions({
  onChange: (id) => {
    for (const message of [conversation.get(id), ...conversation.answersTo(id)]) {
      if (message) timeline.show(message);
    }
  },
  remove: (id) => tryCall(() => api.remove(id)),
});
const timeline = new Timeline(
  conversation,
  {
    isMine: (message) => conversation.isMine(message),
    repliedTo: (message) => conversation.get(message.reply_to),
    onOpen: (picture) => viewer.open(picture.id),
    onReply: (message) => reply(message, message.pictures[0]),
    onUse: (message, control) => reply(message, message.pictures[0], control),
    originOf: (message) => conversation.originOf(message),
    onPress: press,
    onCancel: cancel,
    onDelete: async (message) => {
      if (message.private && message.author.bot) await tryCall(() => api.remove(message.id));
      else deletions.begin(message.id);
    },
    onUndelete: ({ id }) => deletions.undo(id),
    deletedBy: ({ id, reply_to: request }) =>
      deletions.has(id)
        ? 'itself'
        : conversation.answersTo(request).some((answer) => answer.id === id && deletions.has(request))
          ? 'request'
          : undefined,
    canRemove: (message) => conversation.canRemove(message),
  },
  { load: api.messages, onError: refuse },
);

const liveAnswers = new LiveAnswers({
  get: (id) => conversation.get(id),
  isShown: (id) => timeline.has(id),
  // The next change asks again: what fails now is not worth a sentence.
  refresh: ({ id }, action) => api.press(id, action).catch(() => undefined),
});

/**
 * Starts an edit, or a picture that uses this one as a control image.
 * @param {Message} message
 * @param {Picture | undefined} picture
 * @param {Control} [control]
 */
function reply(message, picture, control) {
  const { inputs } = composer;
  const index = message.pictures.findIndex(({ id }) => id === picture?.id);
  // A reply without a number means the first picture.
  const number = index > 0 ? index + 1 : undefined;
  if (control) inputs.replyAs(message, control, number);
  else inputs.reply(message, number);
}

/**
 * @param {Message} message
 * @param {Action} action
 * @param {FormValues} [values] of its form
 */
function press(message, action, values) {
  return tryCall(async () => {
    const answer = await api.press(message.id, action.id, values);
    conversation.add(answer?.message);
  });
}

/** @param {Message} message */
function cancel({ job }) {
  if (job) tryCall(() => api.cancel(job.id));
  composer.focus();
}

/**
 * Makes a call and shows its refusal at the prompt line.
 * @param {() => Promise<unknown>} call
 * @returns {Promise<boolean>} whether it succeeded
 */
async function tryCall(call) {
  composer.refuse('');
  try {
    await call();
    return true;
  } catch (error) {
    refuse(error);
    return false;
  }
}

/** @param {unknown} error */
function refuse(error) {
  if (!(error instanceof api.ApiError)) throw error;
  composer.refuse(error.message);
}

/** @param {Message} message @param {Message | undefined} before */
function show(message, before) {
  timeline.show(message);
  viewer.update(message);
  liveAnswers.see(message, conversation.isMine(message));
  if (!isLoaded) return;
  showStatus();
  speak(message, before);
  const hasEnded = isLive(before?.job) && !isLive(message.job) && message.job?.state !== 'cancelled';
  if (hasEnded && conversation.isMine(message)) notify(message, () => timeline.goTo(message.id));
}

/** @param {string} id */
function remove(id) {
  timeline.remove(id);
  composer.inputs.forget(id);
  showStatus();
}

/** What depends on the whole conversation: the empty state, the safelight, the title of the window. */
function showStatus() {
  byId('empty').hidden = !isLoaded || conversation.size > 0;
  /** @type {HTMLButtonElement} */ (byId('open-sheet')).disabled = !conversation.hasPictures;
  byId('safelight').classList.toggle('on', conversation.hasLive);
  const mine = conversation.myRunning();
  document.title = mine ? `${mine.text} \u00b7 Darkroom` : 'Darkroom';
}

/**
 * Announces changes to screen readers: the states of a job, not each of its steps.
 * @param {Message} message
 * @param {Message | undefined} before
 */
function speak(message, before) {
  const { job, author, text } = message;
  if (author.id === conversation.me.id) return;
  const state = job?.state;
  if (state !== undefined && state === before?.job?.state) return;
  if (job && isLive(job)) {
    if (conversation.isMine(message)) announce(text);
    return;
  }
  if (before !== undefined && state === undefined) return;
  const error = message.error ?? job?.error;
  const alts = message.pictures.map(({ alt }) => alt).join('. ');
  if (error) announce(error.message);
  else if (alts !== '') announce(say('page.ready', { alt: alts, footer: message.footer ?? '' }));
  else if (text !== '') {
    const fields = (message.fields ?? []).map(({ name, value }) => say('page.said', { name, words: value }));
    announce([say('page.said', { name: author.name, words: text }), ...fields].join('. '));
  }
}

let isLoaded = false;
/** @param {import('./conversation.js').LoadPage} [messages] */
async function load(messages = api.messages) {
  await timeline.whileLoading(() => conversation.reload(messages, timeline.firstId));
  const isFirst = !isLoaded;
  isLoaded = true;
  showStatus();
  if (!isFirst) return;
  composer.restore((id) => conversation.get(id));
  if (placeOf(location.hash)) {
    composer.focus();
    await goToPlace();
    return;
  }
  // The focus lays out the page: once, with its messages.
  timeline.toEnd();
  composer.focus();
}

/** Shows the message or picture that the address names. */
async function goToPlace() {
  const place = placeOf(location.hash);
  if (place === undefined) return;
  const isThere = await timeline.goTo(place.message);
  const picture = conversation.get(place.message)?.pictures[(place.picture ?? 0) - 1];
  if (picture) viewer.open(picture.id);
  if (isThere) return;
  timeline.toEnd();
  composer.refuse(say('page.link_gone'));
}

/** Keys that work anywhere on the page. @param {KeyboardEvent} event */
function onKey(event) {
  if (document.querySelector('dialog[open]') || event.defaultPrevented || event.isComposing) return;
  if (event.key === 'Escape') {
    if (composer.escape()) event.preventDefault();
    return;
  }
  const isText =
    event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (isText && document.activeElement !== composer.line) composer.focus();
}

document.addEventListener('keydown', onKey);
addEventListener('hashchange', () => tryCall(goToPlace));
document.addEventListener('click', ({ target }) => {
  const link = target instanceof Element ? target.closest('a') : null;
  // The address does not change where it names that place already.
  if (link?.hash && link.hash === location.hash) tryCall(goToPlace);
});
byId('open-sheet').addEventListener('click', () => sheet.open());

const connection = byId('connection');
const background = new Background(composer);
/** What a visit asks for once; again when the server is back, where it did not answer. */
const identify = once(async () => {
  const me = await api.me();
  conversation.me = me;
  you.show(me);
});
const learnCommands = once(async () => {
  const { commands, gallery, words } = await api.commands();
  composer.setCommands(commands);
  drawGallery(gallery, words, (line) => {
    composer.write(line);
    composer.send();
  });
});

// The newest messages are shown before the stream of events is open, which then loads what it missed.
const newest = api.messages(undefined);
newest.catch(() => undefined);
/** @param {import('./conversation.js').LoadPage} [messages] */
const catchUp = (messages) =>
  background.run(() => Promise.all([identify().then(() => load(messages)), learnCommands()]));
catchUp(() => newest).finally(() =>
  subscribe({
    onOpen: () => {
      connection.textContent = '';
      catchUp();
    },
    onDrop: () => {
      connection.textContent = say('page.lost');
    },
    onMessage: (message) => conversation.put(message),
    onJob: (event) => conversation.putJob(event),
    onRemoved: (id) => conversation.remove(id),
  }),
);
