/** `darkroom people`: who administers the web chat, for its operator. */
import { randomBytes } from 'node:crypto';
import { basePathOf } from '../../adapters/web/server/access.ts';
import { readName } from '../../adapters/web/server/people.ts';
import { loadSettings } from '../../config/settings.ts';
import { DarkroomError } from '../errors.ts';
import { type Operate, operate } from './operator.ts';
import { asUsage, readOptions, UsageError, type Verb } from './verb.ts';

/** People that are listed at most. */
const MOST = 200;
const ACTIONS = ['list', 'link', 'demote'] as const;

export const people: Verb = {
  summary: 'the people of the web chat: list, link, demote',
  help: `darkroom people ACTION [--config FILE]

  list                   the operator, admins, and everybody else who has a name
  link NAME [--admin]    a link that opens the chat once as NAME, for 24 hours; --admin makes NAME an admin
  demote NAME|ID         that person is no longer an admin or the operator
A running darkroom serve need not be stopped: where it holds the data folder, it carries the action out.
docs/security.md says what a name, an admin and the operator are.`,

  async run(args) {
    return operate('people', args, readOrder(args).values.config, operatePeople);
  },
};

export const operatePeople: Operate = async ({ args, store, say }) => {
  const { action, name, values } = readOrder(args);
  if (action === 'list') {
    const all = await store.people.list(MOST);
    say(
      all.length === 0
        ? 'Nobody has a name or a role yet.'
        : all
            .map(({ id, role, name: own }) => `${role.padEnd(8)}  ${own ?? 'without a name'}  ${id}`)
            .join('\n'),
    );
    return 0;
  }
  if (action === 'demote') {
    if (!(await store.people.setRole(name, 'member')))
      throw new UsageError(`Nobody has the name or id ${name}.`);
    say(`${name} is a member.`);
    return 0;
  }
  const code = randomBytes(24).toString('base64url');
  await store.people.invite(code, {
    name: readGiven(name),
    role: values.admin === true ? 'admin' : 'member',
  });
  const { settings } = loadSettings(process.env, values.config);
  const { DARKROOM_URL: publicUrl, DARKROOM_HOST: host, DARKROOM_PORT: port } = settings;
  const own = publicUrl === undefined ? `http://${host}:${port}` : new URL(publicUrl).origin;
  const base = publicUrl === undefined ? '' : basePathOf({ publicUrl });
  say(`${own}${base}/link?code=${code}`);
  return 0;
};

function readOrder(args: readonly string[]) {
  const { values, positionals } = readOptions(args, { admin: { type: 'boolean' } }, { positionals: 2 });
  const [word, name = ''] = positionals;
  const action = ACTIONS.find((one) => one === word);
  if (action === undefined) {
    throw new UsageError(`The action is missing or unknown: darkroom people ${ACTIONS.join(' | ')}.`);
  }
  if (action !== 'list' && name === '')
    throw new UsageError(`The name is missing: darkroom people ${action} NAME.`);
  return { action, name, values };
}

function readGiven(name: string): string {
  try {
    return readName(name);
  } catch (error) {
    throw error instanceof DarkroomError ? asUsage(error) : error;
  }
}
