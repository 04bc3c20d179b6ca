/**
 * The operator's pages: /welcome says what the first start found and what is missing, /status the same with what goes
 * on now. Both are for the operator and admins.
 */
import type { Hono } from 'hono';
import { html } from 'hono/html';
import { DarkroomError } from '../../../src/errors.ts';
import { sentence } from '../../../src/sentences.ts';
import { type AccessOptions, isOpenedHere } from './access.ts';
import type { Env } from './calls.ts';
import { drawFrame } from './page-frame.ts';
import type { People } from './people.ts';

export interface StatusRow {
  readonly name: string;
  readonly value: string;
  /** `fact`: neither good nor wrong. */
  readonly state: keyof typeof STATES;
  /** What changes it, to be typed on the shell. */
  readonly command?: string;
}

export interface StatusSection {
  readonly title: string;
  readonly rows: readonly StatusRow[];
}

/** What matters before the first picture. */
const FIRST = ['Devices', 'Models', 'Chats'];
const STATES = { good: 'ready', missing: 'missing', wrong: 'needs attention', off: 'off', fact: '' } as const;

export function addStatusPages(
  app: Hono<Env>,
  options: AccessOptions,
  {
    people,
    base,
    status,
  }: {
    readonly people: People;
    readonly base: string;
    readonly status: () => Promise<readonly StatusSection[]>;
  },
): void {
  app.get('/welcome', async (c) => {
    const { user, isLasting, role } = c.get('sender');
    // It may be the first page that the operator opens.
    const isFirst = role === 'member' && isLasting && isOpenedHere(c.req.raw, c.env.incoming, options);
    if (isFirst) await people.claimOperator(user);
    requireAdmin(isFirst ? (await people.of(user)).role : role);
    const sections = (await status()).filter(({ title }) => FIRST.includes(title));
    return c.html(drawStatus('Welcome', base, sections));
  });
  app.get('/status', async (c) => {
    requireAdmin(c.get('sender').role);
    return c.html(drawStatus('Status', base, await status()));
  });
}

function requireAdmin(role: 'operator' | 'admin' | 'member'): void {
  if (role !== 'member') return;
  throw new DarkroomError('forbidden', sentence('web.status_by_admins'));
}

const drawStatus = (title: string, base: string, sections: readonly StatusSection[]) => {
  const missing = sections.flatMap(({ rows }) =>
    rows.filter(({ state }) => state === 'missing' || state === 'wrong'),
  );
  return drawFrame(
    title,
    // As the shell's doctor: in English, with commands.
    { base, locale: 'en' },
    html`<p>${
      missing.length === 0
        ? 'Everything that Darkroom needs is here.'
        : `${missing.length === 1 ? 'One thing needs' : `${missing.length} things need`} your attention: ${missing.map(({ name }) => name).join(', ')}.`
    }</p>
${sections.map(
  (section) => html`<section class="status">
<h2>${section.title}</h2>
<dl>
${section.rows.map(
  ({ name, value, state, command }) => html`<div class="status-row status-${state}">
<dt>${name}</dt>
<dd>${state === 'fact' ? '' : html`<span class="status-state">${STATES[state]}</span> `}${value}${command === undefined ? '' : html`<code>${command}</code>`}</dd>
</div>`,
)}
</dl>
</section>`,
)}
<p>${
      title === 'Welcome'
        ? html`<a href="${base}/">Open the chat</a> and type /imagine a red mug on a table. <a href="${base}/status">Status</a> shows this page at any time.`
        : html`<a href="${base}/">Open the chat</a>`
    }</p>`,
  );
};
