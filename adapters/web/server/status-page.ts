/**
 * The operator's pages: /welcome says what the first start found and what is missing, /status the same with what goes
 * on now. Both are for the operator and admins.
 */
import type { Hono } from 'hono';
import { html } from 'hono/html';
import { DarkroomError } from '../../../src/errors.ts';
import { type Say, sayIn, sentence, type Words } from '../../../src/sentences.ts';
import { type AccessOptions, isOpenedHere } from './access.ts';
import type { Env } from './call.ts';
import { localeOfCall } from './language.ts';
import { drawFrame, type Frame } from './page-frame.ts';
import type { People } from './people.ts';

export interface StatusRow {
  readonly name: Words;
  readonly value: Words;
  /** `fact`: neither good nor wrong. */
  readonly state: 'good' | 'missing' | 'wrong' | 'off' | 'fact';
  /** What changes it, to be typed on the shell. */
  readonly command?: string;
}

export interface StatusSection {
  readonly id: 'devices' | 'models' | 'chats' | 'queue' | 'data';
  readonly rows: readonly StatusRow[];
}

/** What matters before the first picture. */
const FIRST: readonly StatusSection['id'][] = ['devices', 'models', 'chats'];

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
    const sections = (await status()).filter(({ id }) => FIRST.includes(id));
    return c.html(drawStatus('welcome', { base, locale: localeOfCall(c) }, sections));
  });
  app.get('/status', async (c) => {
    requireAdmin(c.get('sender').role);
    return c.html(drawStatus('status', { base, locale: localeOfCall(c) }, await status()));
  });
}

function requireAdmin(role: 'operator' | 'admin' | 'member'): void {
  if (role !== 'member') return;
  throw new DarkroomError('forbidden', sentence('web.status_by_admins'));
}

function drawStatus(page: 'welcome' | 'status', frame: Frame, sections: readonly StatusSection[]) {
  const say = sayIn(frame.locale);
  const open = html`<a href="${frame.base}/">${say('web.open_chat')}</a>`;
  return drawFrame(
    say(`status.${page}`),
    frame,
    html`<p>${sayMissing(sections, say)}</p>
${sections.map(
  ({ id, rows }) => html`<section class="status">
<h2>${say(`status.${id}`)}</h2>
<dl>
${rows.map((row) => drawRow(row, say))}
</dl>
</section>`,
)}
${
  page === 'status'
    ? html`<p>${open} \u00b7 <a href="${frame.base}/usage">${say('usage.title')}</a></p>`
    : html`<p>${say('status.try')} ${say('status.at_any_time')}</p>
<p>${open} \u00b7 <a href="${frame.base}/status">${say('status.status')}</a></p>`
}`,
  );
}

function sayMissing(sections: readonly StatusSection[], say: Say): string {
  const missing = sections
    .flatMap(({ rows }) => rows)
    .filter(({ state }) => state === 'missing' || state === 'wrong');
  if (missing.length === 0) return say('status.all_here');
  const names = missing.map(({ name }) => say.words(name)).join(', ');
  return say('status.attention', { count: missing.length, names });
}

const drawRow = (
  { name, value, state, command }: StatusRow,
  say: Say,
) => html`<div class="status-row status-${state}">
<dt>${say.words(name)}</dt>
<dd>${state === 'fact' ? '' : html`<span class="status-state">${say(`status.state.${state}`)}</span> `}${say.words(value)}${command === undefined ? '' : html`<code>${command}</code>`}</dd>
</div>`;
