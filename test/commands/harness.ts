/** The commands over ports in memory: what a user says goes in, cards come out, and what was touched is seen. */

import type { Attachment, Invocation, Reply, Where } from '../../adapters/adapter.ts';
import type { Card } from '../../adapters/card.ts';
import type { Platform } from '../../adapters/platforms.ts';
import type { Ports } from '../../commands/ports.ts';
import { type Commands, createCommands } from '../../commands/router.ts';
import { wildcardFolder } from '../../src/choices/choices.ts';
import { DarkroomError } from '../../src/errors.ts';
import type { JobEvent } from '../../src/job.ts';
import type { Rule } from '../../src/settings/resolve.ts';
import type { Scope, SettingKey, SettingValue } from '../../src/settings/schema.ts';
import type { Change } from '../../src/settings/store.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import type { UsageStore } from '../../src/store/usage.ts';
import { ONLY_MINI } from '../adapters/stand-in.ts';

interface Said {
  readonly platform?: Platform;
  readonly user?: string;
  readonly where?: Partial<Where>;
  readonly attachments?: readonly Attachment[];
  readonly repliedTo?: Invocation['repliedTo'];
  readonly otherFiles?: readonly string[];
}

interface Answer {
  /** Cards of the one message, in order. */
  readonly posted: readonly Card[];
  /** Cards that only the user saw. */
  readonly ephemeral: readonly Card[];
  readonly deleted: readonly string[];
  /** Messages that the answer was put into. */
  readonly taken: readonly string[];
}

export interface Harness {
  readonly commands: Commands;
  readonly ports: Ports;
  readonly jobs: Map<string, JobRecord>;
  /** Stored pictures by id: their owner, and what they are. */
  readonly pictures: Map<string, { readonly job: string; readonly kind: string; readonly bytes: Uint8Array }>;
  readonly rules: Rule[];
  readonly changes: Change[];
  /** What was posted to channels: platform, tenant, channel, text. */
  readonly posts: string[];
  readonly errors: unknown[];
  /** What the queue refuses with: when asked for room, and when a job is submitted. */
  readonly refusals: { room?: DarkroomError; submit?: DarkroomError };
  say(text: string, said?: Said): Promise<Answer>;
  press(action: string, values?: Readonly<Record<string, unknown>>, said?: Said): Promise<Answer>;
  handle(input: Invocation['input'], said?: Said): Promise<Answer>;
  set(key: SettingKey, value: SettingValue, scope?: Scope, target?: string): void;
}

export const TENANT = 'discord:1';
const DIRECTORY = {
  channel: [
    { id: '2', name: 'general' },
    { id: '3', name: 'audit' },
  ],
  role: [{ id: '4', name: 'artists' }],
  user: [
    { id: 'ada', name: 'Ada' },
    { id: 'bo', name: 'Bo' },
  ],
};

/** Nothing was used. */
const NO_USAGE: UsageStore = {
  hours: async () => [],
  people: async () => [],
  models: async () => [],
  tenants: async () => [],
  reasons: async () => [],
  countRefusal: async () => undefined,
  listTenants: async () => [],
  expire: async () => undefined,
};

export function startCommands(more: Partial<Ports> = {}): Harness {
  const jobs: Harness['jobs'] = new Map();
  const pictures: Harness['pictures'] = new Map();
  const rules: Rule[] = [];
  const changes: Change[] = [];
  const posts: string[] = [];
  const errors: unknown[] = [];
  const refusals: Harness['refusals'] = {};
  let counter = 0;
  const removeOf = async (job: string) => {
    for (const [id, picture] of pictures) if (picture.job === job) pictures.delete(id);
  };
  const ports: Ports = {
    queue: {
      async requireRoom() {
        if (refusals.room !== undefined) throw refusals.room;
      },
      async submit(record) {
        requireStorable(record);
        if (refusals.submit !== undefined) throw refusals.submit;
        jobs.set(record.id, record);
      },
      // The suites of the adapters and of the queue have the real one.
      sweeps: {
        async requireRoom(cells) {
          if (refusals.room !== undefined) throw refusals.room;
          return cells.length;
        },
        async plan(record) {
          requireStorable(record);
          jobs.set(record.id, record);
        },
        async start(sweep, cells) {
          if (refusals.room !== undefined) throw refusals.room;
          for (const record of [sweep, ...cells]) jobs.set(record.id, record);
        },
        async finish(id, frame, end) {
          const record = jobs.get(id)!;
          jobs.set(id, { ...record, ...end, frame: { ...record.frame, sweep: frame } });
          return true;
        },
        change: async () => false,
      },
      async cancel(id) {
        const record = jobs.get(id);
        if (record?.state !== 'queued') return false;
        jobs.set(id, { ...record, state: 'cancelled' });
        return true;
      },
      async *watch(id): AsyncGenerator<JobEvent> {
        yield { state: 'queued', position: 1, etaSeconds: 3 };
        const record = jobs.get(id);
        if (record?.state !== 'queued') return yield { state: 'cancelled' };
        const { width, height } = record.request;
        const picture = `result-${++counter}`;
        pictures.set(picture, { job: id, kind: 'result', bytes: Uint8Array.of(1) });
        jobs.set(id, { ...record, state: 'done', pictures: [{ id: picture, width, height }] });
        yield { state: 'done' };
      },
    },
    jobs: {
      async get(id) {
        requireStorable(id);
        return jobs.get(id);
      },
      ofPicture: async (id) => [...jobs.values()].find((one) => one.pictures.some((p) => p.id === id)),
      isHiddenCopy: async (key) =>
        [...jobs.values()].some(({ pictures: all }) => all.some(({ finding }) => finding?.key === key)),
      getAll: async (ids) => ids.flatMap((id) => jobs.get(id) ?? []),
      plannedBefore: async () => [],
      aliveOf: async (user) =>
        [...jobs.values()].filter((one) => one.user.id === user && one.state === 'queued'),
      alive: async () => [],
      endedBefore: async () => [],
      async setDeleted(id, isDeleted) {
        const record = jobs.get(id);
        if (record !== undefined) jobs.set(id, { ...record, frame: { ...record.frame, isDeleted } });
      },
      deleted: async () => [...jobs.values()].filter(({ frame }) => frame?.isDeleted),
      async remove(id) {
        jobs.delete(id);
        await removeOf(id);
      },
      takeEnd: async (id) => jobs.get(id),
      endsOf: async () => [],
      endShown: async () => undefined,
    },
    pictures: {
      async put(bytes, owner) {
        const id = `input-${++counter}`;
        pictures.set(id, { ...owner, bytes });
        return id;
      },
      get: async (id) => pictures.get(id)?.bytes,
      async remove(id) {
        pictures.delete(id);
      },
      removeOf,
      removeCondemned: async () => 0,
      listUnclaimed: async () => [],
    },
    settings: {
      async rules(tenant) {
        requireStorable(tenant);
        return tenant === TENANT ? rules : [];
      },
      tenantsWith: async () => [],
      styles: async () => new Map(),
      wildcards: async () => new Map(),
      promptRules: async () =>
        new Map(
          changes.flatMap(({ key, after }) =>
            key.startsWith('rule.') && after !== undefined ? [[key.slice(5), String(after)] as const] : [],
          ),
        ),
      async models() {
        const own = changes.filter(({ key }) => key.startsWith('model.'));
        const standing = new Map(own.map(({ key, after }) => [key.slice(6), after]));
        return new Map(
          [...standing].flatMap(([name, after]) => (after === undefined ? [] : [[name, String(after)]])),
        );
      },
      async apply(change) {
        requireStorable(change);
        changes.push(change);
      },
      history: async (tenant) => changes.filter((one) => one.tenant === tenant).toReversed(),
    },
    reviews: {
      get: async () => undefined,
      held: async () => [],
      countHeld: async () => 0,
      decided: async () => [],
      decide: async () => false,
      isHeld: async () => false,
      beginMessage: async ({ tenant, channel }) => ({
        pending: { number: '1', tenant, channel, since: 0 },
        isAgain: false,
      }),
      noteMessage: async () => undefined,
      takeSettled: async () => [],
      messageSettled: async () => undefined,
    },
    downloads: {
      offer: async () => {
        throw new DarkroomError('forbidden', 'Models are not fetched here.');
      },
      cancel: () => false,
    },
    usage: NO_USAGE,
    gallery: {
      find: async () => [],
      setStar: async () => undefined,
      toggleStar: async () => ({ isStarred: true, stars: 1 }),
      index: async () => 0,
    },
    wildcards: wildcardFolder(undefined),
    models: ONLY_MINI,
    clock: { now: async () => Date.now() },
    admins: [],
    post: async (platform, tenant, channel, { text }) => {
      posts.push([platform, tenant, channel, text].join(' '));
      return undefined;
    },
    replace: async () => undefined,
    findPosted: async () => undefined,
    unpost: async () => undefined,
    find: async (_platform, _tenant, kind, typed) =>
      DIRECTORY[kind].find(({ id, name }) => id === typed || name === typed),
    tenantsOf: async () => [],
    rolesOf: async () => [],
    readUpload: async (bytes) => ({ bytes, width: 64, height: 64, notes: [], texts: new Map() }),
    sizeOf: () => ({ width: 64, height: 64 }),
    drawRegion: async () => Uint8Array.of(1),
    readPictureText: () => new Map(),
    takenFromPhotos: () => ['canny', 'scribble', 'lineart'],
    arePixelsEqual: async () => true,
    drawGrid: async () => Uint8Array.of(1),
    onError: (error) => void errors.push(error),
    ...more,
  };
  const commands = createCommands(ports);

  async function handle(input: Invocation['input'], said: Said = {}): Promise<Answer> {
    const posted: Card[] = [];
    const ephemeral: Card[] = [];
    const deleted: string[] = [];
    const taken: string[] = [];
    const reply: Reply = {
      async post(card) {
        posted.push(card);
        return 'm';
      },
      postEphemeral: async (card) => void ephemeral.push(card),
      take: async (message) => void taken.push(message),
      delete: async (message) => void deleted.push(message),
    };
    const { platform = 'discord', user = 'discord:ada', attachments = [], repliedTo, otherFiles } = said;
    const where = {
      ...{ tenant: TENANT, channel: 'discord:2', roles: [], isAdmin: false, isAgeRestricted: false },
      ...said.where,
    };
    const invocation = {
      ...{ id: `${++counter}`, platform, user: { id: user, name: user }, channel: 'discord:2', where },
      ...{ attachments, input, ...(repliedTo && { repliedTo }), ...(otherFiles && { otherFiles }) },
    };
    await commands.handle(invocation, reply);
    return { posted, ephemeral, deleted, taken };
  }

  return {
    ...{ commands, ports, jobs, pictures, rules, changes, posts, errors, refusals, handle },
    say: (text, said) => handle({ kind: 'line', text }, said),
    press: (action, values = {}, said) => handle({ kind: 'action', action, values, message: 'm' }, said),
    set(key, value, scope = 'server', target = '') {
      rules.push({ key, scope, target, value, at: rules.length, by: 'ada' });
    },
  };
}

/** PostgreSQL takes neither NUL nor half of a surrogate pair. */
function requireStorable(value: unknown): void {
  const text = JSON.stringify(value);
  if (/\\u0000|\\ud[89a-f]/i.test(text)) throw new Error(`invalid byte sequence in ${text}`);
}

/** A photo that notes whether it was read. */
export function photo(name = 'cat.png'): Attachment & { reads: number } {
  return {
    name,
    reads: 0,
    async read() {
      this.reads++;
      return Uint8Array.of(1, 2, 3);
    },
  };
}
