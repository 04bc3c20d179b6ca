/** The door of the chat: the page that asks for the token and a name, and the one behind a link. */
import type { Hono } from 'hono';
import { html } from 'hono/html';
import { DarkroomError, wordsOf } from '../../../src/errors.ts';
import { sayIn } from '../../../src/sentences.ts';
import type { Admission } from './admission.ts';
import { readBody } from './body.ts';
import type { Call, Env } from './call.ts';
import { localeOfCall } from './language.ts';
import { drawFrame, type Frame } from './page-frame.ts';
import { statusOf } from './refusal.ts';

const FORM = { bytes: 4096, idleMs: 5000, totalMs: 10_000 };

/** @param admit as before every other call: it sets the cookie and the sender */
export function addDoor(
  app: Hono<Env>,
  {
    admission,
    base,
    admit,
  }: {
    readonly admission: Admission;
    readonly base: string;
    readonly admit: (c: Call, token: string | undefined) => Promise<void>;
  },
): void {
  app.post('/token', async (c) => {
    const form = await readForm(c);
    await admit(c, form.get('token') ?? '');
    const name = form.get('name') ?? '';
    const { user } = c.get('sender');
    if (name.trim() !== '') {
      try {
        await admission.people.rename(user, name);
      } catch (error) {
        if (!(error instanceof DarkroomError)) throw error;
        // The token was right: the cookie stands for it now.
        const locale = localeOfCall(c);
        const message = sayIn(locale).words(wordsOf(error));
        return c.html(drawDoor({ base, locale, name, message }), statusOf(error, error.code));
      }
    }
    return c.redirect(`${base}/`, 303);
  });

  // Programs that show a preview of a link open it too: only the button uses it up.
  app.get('/link', async (c) => {
    const code = c.req.query('code') ?? '';
    const { name } = await admission.people.invitation(code);
    return c.html(drawLink({ base, locale: localeOfCall(c) }, code, name));
  });
  app.post('/link', async (c) => {
    const form = await readForm(c);
    c.header('set-cookie', await admission.redeem(c.req.raw, c.env.incoming, form.get('code') ?? ''));
    return c.redirect(`${base}/`, 303);
  });
}

const readForm = async (c: Call) =>
  new URLSearchParams((await readBody(c.env.incoming, FORM)).toString('utf8'));

interface Door extends Frame {
  /** Whether it asks for the token, too. */
  readonly needsToken?: boolean;
  readonly name?: string;
  /** Why the last try was refused, in one sentence. */
  readonly message?: string;
}

export function drawDoor({ base, locale, needsToken = false, name = '', message }: Door) {
  const say = sayIn(locale);
  return drawFrame(
    say(needsToken ? 'web.open_chat' : 'web.choose_name'),
    { base, locale },
    html`${message === undefined ? '' : html`<p class="door-refusal" role="alert">${message}</p>`}
<form method="post" action="${base}/token">
${
  needsToken
    ? html`<label for="token">${say('web.token')}</label>
<p class="door-hint" id="token-hint">${say('web.token_hint')}</p>
<input id="token" name="token" type="password" autocomplete="current-password" aria-describedby="token-hint" required autofocus>`
    : ''
}
<label for="name">${say('web.name')}</label>
<p class="door-hint" id="name-hint">${say('web.name_hint')}</p>
<input id="name" name="name" autocomplete="nickname" maxlength="40" aria-describedby="name-hint" value="${name}">
<button type="submit">${say('web.open_chat')}</button>
</form>`,
  );
}

function drawLink(frame: Frame, code: string, name: string) {
  const say = sayIn(frame.locale);
  return drawFrame(
    say('web.come_in', { name }),
    frame,
    html`<p>${say('web.link_hint')}</p>
<form method="post" action="${frame.base}/link">
<input type="hidden" name="code" value="${code}">
<button type="submit" autofocus>${say('web.open_chat')}</button>
</form>`,
  );
}
