/** The calls about people: who the sender is, the name that they choose, and links for others. */
import type { Hono } from 'hono';
import { DarkroomError } from '../../../src/errors.ts';
import { isRecord } from '../../../src/json.ts';
import { sentence } from '../../../src/sentences.ts';
import { type AccessOptions, basePathOf } from './access.ts';
import { readBody } from './body.ts';
import type { Call, Env } from './call.ts';
import type { Known, People } from './people.ts';
import { HttpRefusal } from './refusal.ts';

const BODY = { bytes: 4096, idleMs: 5000, totalMs: 10_000 };

export function addPeopleCalls(app: Hono<Env>, options: AccessOptions, people: People): void {
  app.get('/api/me', (c) => {
    const { isLasting, ...known } = c.get('sender');
    if (!isLasting) {
      throw new DarkroomError('too_many', sentence('web.many_visitors_page'));
    }
    return c.json(meJson(known));
  });

  app.post('/api/me', async (c) => {
    const { name } = await readJson(c);
    if (typeof name !== 'string')
      throw new DarkroomError('bad_request', 'Send your name as JSON: {"name": "Ada"}.');
    requireCookies(options);
    return c.json(meJson(await people.rename(c.get('sender').user, name)));
  });

  app.post('/api/links', async (c) => {
    const { name, admin = false } = await readJson(c);
    if (typeof name !== 'string' || typeof admin !== 'boolean') {
      throw new DarkroomError(
        'bad_request',
        'Send the name of the person as JSON: {"name": "Ada", "admin": false}.',
      );
    }
    requireCookies(options);
    const code = await people.invite(c.get('sender').user, name, admin);
    const own = options.publicUrl ?? new URL(c.req.url).origin;
    return c.json({ url: `${new URL(own).origin}${basePathOf(options)}/link?code=${code}` });
  });
}

const meJson = ({ user, role, isNamed }: Known) => ({ ...user, bot: false, role, is_named: isNamed });

function requireCookies({ users }: AccessOptions): void {
  if (users === 'cookie') return;
  throw new DarkroomError('bad_request', 'Here the header X-Darkroom-User says who somebody is.');
}

async function readJson(c: Call): Promise<Record<string, unknown>> {
  const { incoming } = c.env;
  if (!/^application\/json\b/i.test(incoming.headers['content-type'] ?? '')) {
    throw new HttpRefusal(415, 'bad_request', 'Send it as application/json.');
  }
  try {
    const value: unknown = JSON.parse((await readBody(incoming, BODY)).toString('utf8'));
    if (isRecord(value)) return value;
  } catch (error) {
    if (error instanceof DarkroomError) throw error;
  }
  throw new DarkroomError('bad_request', 'Send a JSON object.');
}
