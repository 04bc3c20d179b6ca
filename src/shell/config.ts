/** `darkroom config`: the settings that admins change in chat, by the operator on the machine. */

import type { Reply } from '../../adapters/adapter.ts';
import type { Card } from '../../adapters/card.ts';
import { PLATFORM_NAMES, type Platform } from '../../adapters/platforms.ts';
import { showTimes, utcTime } from '../../adapters/times.ts';
import { createCommands } from '../../commands/router.ts';
import { wildcardFolder } from '../choices/choices.ts';
import type { Voice } from './door.ts';
import { type Operate, operate } from './operator.ts';
import { UsageError, type Verb } from './verb.ts';

const ACTIONS = ['show', 'set', 'reset', 'history', 'undo', 'why'];

export const config: Verb = {
  summary: 'settings of a server, as admins change them in chat',
  help: `darkroom config ${ACTIONS.join('|')} [SETTING [VALUE]] [--server NAME] [--channel|--role|--user ID] [--config FILE]

  darkroom config show --server discord:1234
  darkroom config set default_steps 24
  --server NAME  web (the default), discord:SERVER or slack:WORKSPACE; config show in chat acts on its own
  --channel, --role, --user ID   only for that one
  --config FILE  settings file instead of darkroom.config.json
docs/settings.md says what each setting means.`,

  async run(args) {
    return operate('config', args, readLine(args).file, operateConfig);
  },
};

export const operateConfig: Operate = async ({ args, store, models, asker, say, complain }) => {
  const { server, platform, line } = readLine(args);
  const elsewhere = async () => {
    throw new Error('nothing is drawn on the shell');
  };
  const commands = createCommands({
    queue: {
      requireRoom: elsewhere,
      submit: elsewhere,
      sweeps: {
        requireRoom: elsewhere,
        plan: elsewhere,
        start: elsewhere,
        finish: elsewhere,
        change: elsewhere,
      },
      cancel: elsewhere,
      watch: () => (async function* () {})(),
    },
    models: await models(),
    downloads: { offer: elsewhere, cancel: () => false },
    jobs: store.jobs,
    pictures: store.pictures,
    settings: store.settings,
    usage: store.usage,
    gallery: store.gallery,
    reviews: store.reviews,
    wildcards: wildcardFolder(undefined),
    admins: [],
    post: async () => undefined,
    replace: async () => undefined,
    findPosted: async () => undefined,
    unpost: async () => undefined,
    clock: store.clock,
    // The operator gives ids: this process may not be connected to the platform.
    find: async (_platform, _tenant, _kind, typed) => ({ id: typed, name: typed }),
    tenantsOf: async () => [],
    rolesOf: async () => [],
    readUpload: elsewhere,
    sizeOf: () => ({ width: 0, height: 0 }),
    drawRegion: elsewhere,
    readPictureText: () => new Map(),
    takenFromPhotos: () => [],
    drawGrid: elsewhere,
    arePixelsEqual: () => Promise.reject(new Error('a shell has no pictures')),
    onError: (error) => {
      throw error;
    },
  });
  const reply = new ShellReply({ say, complain }, server);
  const where = { tenant: server, channel: '', roles: [], isAdmin: true, isAgeRestricted: false };
  const user = { id: `shell:${asker}`, name: asker };
  const input = { kind: 'line', text: `/config ${line}` } as const;
  const invocation = { id: 'shell', platform, user, channel: server, where, attachments: [], input };
  await commands.handle(invocation, reply);
  return reply.code;
};

/** The verb's own options apart; the rest is a line as it would be typed in chat. */
function readLine(args: readonly string[]): {
  server: string;
  platform: Platform;
  file: string | undefined;
  line: string;
} {
  let server = 'web';
  let file: string | undefined;
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [, name, joined] = /^--(server|config|debug)(?:=(.*))?$/.exec(args[i]!) ?? [];
    if (name === 'debug') continue;
    if (name === undefined) {
      const word = args[i]!;
      words.push(/\s/.test(word) ? `"${word.replaceAll(/["\\]/g, '\\$&')}"` : word);
      continue;
    }
    const value = joined ?? args[++i];
    if (value === undefined) throw new UsageError(`--${name} needs a value.`);
    if (name === 'server') server = value;
    else file = value;
  }
  if (!ACTIONS.includes(words[0] ?? '')) {
    throw new UsageError(`Say what to do: darkroom config ${ACTIONS.join(' | ')}.`);
  }
  const platform = PLATFORM_NAMES.find((one) => server === one || server.startsWith(`${one}:`));
  if (platform === undefined) {
    throw new UsageError(`--server ${server} is not known. Say web, discord:SERVER or slack:WORKSPACE.`);
  }
  return { server, platform, file, line: words.join(' ') };
}

class ShellReply implements Reply {
  /** The exit code that the answer means. */
  code = 0;
  readonly #voice: Voice;
  /** What stands here for the command of a chat that an answer names. */
  readonly #command: string;

  constructor(voice: Voice, server: string) {
    this.#voice = voice;
    this.#command = server === 'web' ? 'darkroom config' : `darkroom config --server ${server}`;
  }

  async post(card: Card): Promise<string> {
    await this.postEphemeral(card);
    return '';
  }

  /** A shell has no message that could be the answer. */
  async take(): Promise<void> {}

  async postEphemeral({ text, fields = [], notes = [], error }: Card): Promise<undefined> {
    if (error !== undefined) {
      this.code = 1;
      this.#voice.complain(this.#typedHere(error.message));
      return;
    }
    const rows = fields.map(({ name, value }) => `  ${name}: ${value.replaceAll('\n', '\n    ')}`);
    // A server's own platform shows its times: here nothing does.
    const words = [text, ...rows, ...notes].join('\n');
    this.#voice.say(this.#typedHere(showTimes(words, (seconds) => utcTime(seconds * 1000))));
  }

  #typedHere(words: string): string {
    return words.replaceAll(/\/config(?= )/g, this.#command);
  }

  async delete(): Promise<void> {}
}
