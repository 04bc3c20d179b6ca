// @ts-check
/**
 * The dialog about this user: their name, what they may do here, and links for others.
 * @import { Me } from './types.js'
 */
import * as api from './api.js';
import { announce, byId, copyText, el, iconButton } from './dom.js';
import { canNotify, notifies, setNotifies } from './notify.js';
import { say } from './say.js';

/** @type {Record<Me['role'], string>} */
const ROLES = {
  operator: say('page.role.operator'),
  admin: say('page.role.admin'),
  member: '',
};

export class You {
  button = /** @type {HTMLButtonElement} */ (byId('open-you'));
  dialog = /** @type {HTMLDialogElement} */ (byId('you'));
  /** @type {Me | undefined} */
  #me;

  /** @param {{ onRename: (me: Me) => void }} context */
  constructor(context) {
    this.context = context;
    this.name = el('input', { id: 'you-name', maxLength: 40, autocomplete: 'nickname', required: true });
    this.role = el('p', { className: 'you-role' });
    this.refusal = el('p', { className: 'you-refusal', role: 'alert' });
    this.invite = drawInvite();
    this.notify = drawNotify();
    this.dialog.append(
      el(
        'header',
        { className: 'you-top' },
        el('h2', { id: 'you-title' }, say('page.you')),
        iconButton(say('page.close'), 'close', () => this.dialog.close()),
      ),
      el(
        'form',
        {
          className: 'you-form',
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            this.#rename();
          },
        },
        el('label', { htmlFor: 'you-name' }, say('page.your_name')),
        el(
          'div',
          { className: 'you-line' },
          this.name,
          el('button', { type: 'submit', className: 'action' }, say('page.save_name')),
        ),
        this.refusal,
      ),
      this.notify,
      this.role,
      this.invite.element,
    );
    this.dialog.addEventListener('click', ({ target }) => {
      if (target === this.dialog) this.dialog.close();
    });
    this.button.addEventListener('click', () => this.open());
  }

  /** @param {Me} me */
  show(me) {
    this.#me = me;
    byId('you-label').textContent = me.is_named ? me.name : say('page.guest');
    this.button.title = say('page.you_are', { name: me.name });
    this.button.setAttribute('aria-label', say('page.you_name', { name: me.name }));
    this.role.textContent = ROLES[me.role];
    this.role.hidden = me.role === 'member';
    this.invite.element.hidden = me.role === 'member';
    this.invite.admin.hidden = me.role !== 'operator';
    this.button.hidden = false;
  }

  open() {
    this.name.value = this.#me?.is_named ? this.#me.name : '';
    this.refusal.textContent = '';
    this.dialog.showModal();
    this.name.select();
  }

  async #rename() {
    this.refusal.textContent = '';
    try {
      const me = await api.rename(this.name.value);
      this.show(me);
      this.context.onRename(me);
      announce(say('page.named', { name: me.name }));
      this.dialog.close();
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      this.refusal.textContent = error.message;
    }
  }
}

/** The switch for notifications; hidden where the browser has none. */
function drawNotify() {
  const box = el('input', { type: 'checkbox', id: 'you-notify', checked: notifies() });
  const refusal = el('p', { className: 'you-refusal', role: 'alert' });
  box.addEventListener('change', async () => {
    refusal.textContent = await setNotifies(box.checked);
    box.checked = notifies();
  });
  return el(
    'div',
    { className: 'you-form', hidden: !canNotify },
    el('label', { className: 'you-check' }, box, say('page.notify_me')),
    refusal,
  );
}

/** The form that makes a link for somebody else. */
function drawInvite() {
  const name = el('input', { id: 'invite-name', maxLength: 40, autocomplete: 'off', required: true });
  const box = el('input', { type: 'checkbox', id: 'invite-admin' });
  const admin = el('label', { className: 'you-check' }, box, say('page.invite_admin'));
  const result = el('div', { className: 'you-link', hidden: true });
  const refusal = el('p', { className: 'you-refusal', role: 'alert' });
  const element = el(
    'form',
    {
      className: 'you-form',
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        refusal.textContent = '';
        result.hidden = true;
        try {
          const { url } = await api.makeLink(name.value, box.checked);
          result.replaceChildren(...drawLink(url, name.value));
          result.hidden = false;
          result.querySelector('input')?.select();
        } catch (error) {
          if (!(error instanceof api.ApiError)) throw error;
          refusal.textContent = error.message;
        }
      },
    },
    el('label', { htmlFor: 'invite-name' }, say('page.invite')),
    el(
      'div',
      { className: 'you-line' },
      name,
      el('button', { type: 'submit', className: 'action' }, say('page.make_link')),
    ),
    admin,
    refusal,
    result,
  );
  return { element, admin };
}

/** @param {string} url @param {string} name @returns {Node[]} */
function drawLink(url, name) {
  const copy = el(
    'button',
    {
      type: 'button',
      className: 'action',
      onclick: async () => {
        await copyText(url);
        copy.textContent = say('page.copied');
        announce(say('page.copied'));
      },
    },
    say('page.copy'),
  );
  return [
    el('label', { htmlFor: 'invite-link' }, say('page.link_opens', { name })),
    el(
      'div',
      { className: 'you-line' },
      el('input', { id: 'invite-link', readOnly: true, value: url }),
      copy,
    ),
  ];
}
