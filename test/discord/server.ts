/**
 * A Discord on loopback for tests: gateway, REST and attachments of one server with a few channels and people.
 * It takes what the real client sends and refuses what Discord's OpenAPI or its documented limits refuse.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { faultOf } from './checked.ts';

// biome-ignore lint/suspicious/noExplicitAny: payloads of another program's protocol
export type Json = any;

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly isAdmin?: boolean;
  readonly roles?: readonly string[];
}

export interface Interaction {
  readonly id: string;
  readonly token: string;
  readonly user: Person;
  readonly channel: string;
  readonly message?: Json;
  /** Milliseconds until the callback; undefined while there was none. */
  acknowledgedMs?: number;
  /** Callback's type and data. */
  response?: Json;
  /** Id of the message that answers it. */
  original?: string;
  readonly sentAt: number;
}

interface Fault {
  readonly method: string;
  readonly path: RegExp;
  readonly status: number;
  readonly code?: number;
  readonly retryAfter?: number;
  times: number;
}

export const TOKEN = 'MTA.loop.back';
const BOT = {
  id: '100000000000000001',
  username: 'darkroom',
  discriminator: '0',
  global_name: 'Darkroom',
  avatar: null,
  bot: true,
};
const GUILD = '200000000000000001';
/** Another server that the bot is in, where nobody of the first one is. */
const OTHER_GUILD = '200000000000000002';
export const CHANNELS = {
  general: '300000000000000001',
  adults: '300000000000000002',
  /** Only the bot sees it. */
  hidden: '300000000000000003',
  /** Of the other server. */
  audit: '300000000000000004',
} as const;
/** View channel, send messages, in threads too, make threads, attach files, read history. */
const BOT_PERMISSIONS = (1n << 10n) | (1n << 11n) | (1n << 38n) | (1n << 35n) | (1n << 15n) | (1n << 16n);
const VIEW_CHANNEL = 1n << 10n;
const READ_HISTORY = 1n << 16n;
const MANAGE_GUILD = 1n << 5n;
const BOT_ROLE = '400000000000000001';
const HIDDEN = [
  { id: GUILD, type: 0, allow: '0', deny: String(VIEW_CHANNEL) },
  { id: BOT_ROLE, type: 0, allow: String(VIEW_CHANNEL), deny: '0' },
];
const EPHEMERAL = 1 << 6;
const TOKEN_LIFE_MS = 15 * 60 * 1000;

export class DiscordServer {
  readonly messages = new Map<string, Json>();
  readonly interactions = new Map<string, Interaction>();
  /** Bodies by the name under which they are fetched. */
  readonly files = new Map<string, Buffer>();
  readonly faults: Fault[] = [];
  /** Requests that never get through, as if their sender had died before them; each once. */
  readonly stalls: Pick<Fault, 'method' | 'path'>[] = [];
  /** Each request as `METHOD /path`, in order. */
  readonly log: string[] = [];
  commands: Json[] = [];
  registrations = 0;
  /** What the bot may do in a channel beside the usual. */
  readonly denied = new Map<string, bigint>();
  /** Roles by user, for those who ask about somebody. */
  readonly rolesOf = new Map<string, readonly string[]>();
  url = '';
  readonly #http = createServer((request, response) => void this.#answer(request, response));
  readonly #gateway = new WebSocketServer({ noServer: true });
  readonly #sockets = new Set<WebSocket>();
  /** Events of the session, for a resume. */
  readonly #sent: Json[] = [];
  /** What stalled; refused at the end, as the client would try it again. */
  readonly #held: ServerResponse[] = [];
  readonly #channels = new Map<string, Json>();
  #sequence = 0;
  #counter = 0n;

  async start(): Promise<void> {
    for (const [name, id] of Object.entries(CHANNELS)) {
      this.#channels.set(id, {
        id,
        type: 0,
        name,
        guild_id: guildOf(id),
        position: 0,
        permission_overwrites: name === 'hidden' ? HIDDEN : [],
        nsfw: name === 'adults',
      });
    }
    this.#http.on('upgrade', (request, socket, head) => {
      this.#gateway.handleUpgrade(request, socket, head, (ws) => this.#connect(ws));
    });
    this.#http.listen(0, '127.0.0.1');
    await once(this.#http, 'listening');
    this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    for (const response of this.#held) response.writeHead(404, { 'content-length': 0 }).end();
    this.#gateway.close();
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, 'close');
  }

  /** Cuts the gateway connection, as a network does. */
  dropConnection(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  /** @param ageMs how long ago Discord made it: the age is part of every id */
  newId(ageMs = 0): string {
    this.#counter++;
    return String((BigInt(Date.now() - ageMs - 1_420_070_400_000) << 22n) | (this.#counter & 0xfffn));
  }

  /** @returns where the file can be fetched, as an attachment */
  upload(name: string, bytes: Uint8Array): Json {
    const id = this.newId();
    this.files.set(`${id}/${name}`, Buffer.from(bytes));
    const url = `${this.url}/attachments/${id}/${name}`;
    const type = name.endsWith('.png') ? 'image/png' : 'image/jpeg';
    return { id, filename: name, size: bytes.length, url, proxy_url: url, content_type: type };
  }

  dispatch(event: string, data: Json): void {
    const packet = { op: 0, t: event, s: ++this.#sequence, d: data };
    this.#sent.push(packet);
    for (const socket of this.#sockets) socket.send(JSON.stringify(packet));
  }

  /** A person writes a message. */
  say(
    user: Person,
    channel: string,
    content: string,
    more: { attachments?: Json[]; replyTo?: string; embeds?: Json[]; forwards?: Json } = {},
  ): Json {
    const mentions = content.includes(`<@${BOT.id}>`) ? [BOT] : [];
    const message = {
      ...this.#message(channel, userJson(user)),
      content,
      mentions,
      attachments: more.attachments ?? [],
      ...(more.embeds && { embeds: more.embeds }),
      ...(more.forwards && {
        message_snapshots: [{ message: more.forwards }],
        message_reference: { type: 1, message_id: this.newId(), channel_id: channel, guild_id: GUILD },
      }),
      member: this.#member(user),
      guild_id: GUILD,
      ...(more.replyTo && {
        type: 19,
        message_reference: { message_id: more.replyTo, channel_id: channel, guild_id: GUILD, type: 0 },
      }),
    };
    this.messages.set(message.id, message);
    this.dispatch('MESSAGE_CREATE', message);
    return message;
  }

  /** A moderator deletes a message. */
  moderate(id: string): void {
    const { channel_id } = this.messages.get(id);
    this.messages.delete(id);
    this.dispatch('MESSAGE_DELETE', { id, channel_id, guild_id: GUILD });
  }

  /** A person puts a star under a message, or takes it away. */
  react(user: Person, channel: string, message: string, isAdded: boolean): void {
    this.dispatch(isAdded ? 'MESSAGE_REACTION_ADD' : 'MESSAGE_REACTION_REMOVE', {
      ...{ user_id: user.id, channel_id: channel, message_id: message, guild_id: GUILD },
      ...(isAdded && { member: { ...this.#member(user), user: userJson(user) }, message_author_id: BOT.id }),
      ...{ emoji: { id: null, name: '\u2b50' }, burst: false, type: 0 },
    });
  }

  mention(words: string): string {
    return `<@${BOT.id}> ${words}`;
  }

  /** A person uses a command, presses a button or sends a form. */
  interact(
    user: Person,
    type: number,
    data: Json,
    more: { channel?: string; message?: Json; ageMs?: number; id?: string } = {},
  ): Interaction {
    const channel = more.channel ?? CHANNELS.general;
    const id = more.id ?? this.newId(more.ageMs);
    const interaction: Interaction = {
      id,
      token: `token-${id}`,
      user,
      channel,
      sentAt: performance.now(),
      ...(more.message && { message: more.message }),
    };
    this.interactions.set(id, interaction);
    this.dispatch('INTERACTION_CREATE', {
      id,
      application_id: BOT.id,
      type,
      data,
      guild_id: GUILD,
      guild: { id: GUILD, locale: 'en-US', features: [] },
      channel_id: channel,
      channel: this.#channels.get(channel),
      member: { ...this.#member(user), user: userJson(user) },
      token: interaction.token,
      version: 1,
      app_permissions: String(BOT_PERMISSIONS & ~(this.denied.get(channel) ?? 0n)),
      locale: user.name === 'min' ? 'ko' : 'en-US',
      guild_locale: 'en-US',
      entitlements: [],
      authorizing_integration_owners: { 0: GUILD },
      context: 0,
      attachment_size_limit: 10 * 1024 * 1024,
      ...(more.message && { message: more.message }),
    });
    return interaction;
  }

  #connect(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const send = (packet: Json) => socket.send(JSON.stringify(packet));
    send({ op: 10, d: { heartbeat_interval: 40_000 } });
    socket.on('message', (raw) => {
      const { op, d } = JSON.parse(String(raw));
      if (op === 1) send({ op: 11 });
      if (op === 6) {
        for (const packet of this.#sent.filter(({ s }) => s > d.seq)) send(packet);
        send({ op: 0, t: 'RESUMED', s: ++this.#sequence, d: {} });
      }
      if (op !== 2) return;
      if (d.token !== TOKEN) return socket.close(4004, 'Authentication failed.');
      const resume = this.url.replace('http', 'ws');
      send({
        op: 0,
        t: 'READY',
        s: ++this.#sequence,
        d: {
          v: 10,
          user: BOT,
          guilds: [GUILD, OTHER_GUILD].map((id) => ({ id, unavailable: true })),
          session_id: 'session',
          resume_gateway_url: resume,
          application: { id: BOT.id, flags: 0 },
          shard: [0, 1],
        },
      });
      for (const id of [GUILD, OTHER_GUILD]) this.dispatch('GUILD_CREATE', this.#guild(id));
    });
  }

  #guild(id: string): Json {
    const everyone = {
      id,
      name: '@everyone',
      permissions: String(VIEW_CHANNEL | READ_HISTORY),
      position: 0,
      color: 0,
      colors: { primary_color: 0, secondary_color: null, tertiary_color: null },
      hoist: false,
      managed: false,
      mentionable: false,
      flags: 0,
    };
    const role = {
      ...everyone,
      id: BOT_ROLE,
      name: 'darkroom',
      permissions: String(BOT_PERMISSIONS),
    };
    return {
      id,
      name: id === GUILD ? 'loopback' : 'elsewhere',
      owner_id: '999',
      roles: [everyone, role],
      emojis: [],
      features: [],
      stickers: [],
      channels: [...this.#channels.values()].filter(({ guild_id: guild }) => guild === id),
      threads: [],
      voice_states: [],
      presences: [],
      stage_instances: [],
      soundboard_sounds: [],
      guild_scheduled_events: [],
      large: false,
      member_count: 3,
      unavailable: false,
      joined_at: new Date().toISOString(),
      preferred_locale: 'en-US',
      members: [
        {
          user: BOT,
          roles: [role.id],
          joined_at: new Date().toISOString(),
          deaf: false,
          mute: false,
          flags: 0,
        },
      ],
      afk_channel_id: null,
      afk_timeout: 300,
      system_channel_id: null,
      system_channel_flags: 0,
      verification_level: 0,
      nsfw_level: 0,
      premium_tier: 0,
      mfa_level: 0,
      explicit_content_filter: 0,
      default_message_notifications: 0,
      premium_progress_bar_enabled: false,
      icon: null,
      description: null,
      region: null,
      incidents_data: null,
    };
  }

  #member({ isAdmin, roles = [] }: Person): Json {
    return {
      roles,
      joined_at: '2026-01-01T00:00:00Z',
      deaf: false,
      mute: false,
      flags: 0,
      nick: null,
      avatar: null,
      permissions: String(BOT_PERMISSIONS | (isAdmin ? MANAGE_GUILD : 0n)),
    };
  }

  #message(channel: string, author: Json): Json {
    return {
      id: this.newId(),
      type: 0,
      channel_id: channel,
      author,
      content: '',
      timestamp: new Date().toISOString(),
      edited_timestamp: null,
      tts: false,
      mention_everyone: false,
      mentions: [],
      mention_roles: [],
      attachments: [],
      embeds: [],
      components: [],
      pinned: false,
      flags: 0,
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    const path = decodeURIComponent(pathname);
    const send = (status: number, body?: Json, headers: Record<string, string> = {}) => {
      if (body === undefined) return response.writeHead(status, headers).end();
      return response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    };
    const file = /^\/attachments\/(.+)$/.exec(path)?.[1];
    if (file !== undefined) {
      const bytes = this.files.get(file);
      return void (bytes === undefined
        ? send(404, {})
        : response.writeHead(200, { 'content-length': bytes.length }).end(bytes));
    }
    const route = path.replace(/^\/v10/, '');
    const method = request.method ?? 'GET';
    this.log.push(`${method} ${route}`);
    const { body, files } = await readBody(request);
    const fault = this.faults.find((one) => one.times > 0 && one.method === method && one.path.test(route));
    if (fault !== undefined) {
      fault.times--;
      const retry = fault.retryAfter;
      const headers =
        retry === undefined ? {} : { 'retry-after': String(retry), 'x-ratelimit-scope': 'shared' };
      return void send(
        fault.status,
        { message: 'injected', code: fault.code ?? 0, retry_after: retry },
        headers,
      );
    }
    const stall = this.stalls.findIndex((one) => one.method === method && one.path.test(route));
    if (stall >= 0) {
      this.stalls.splice(stall, 1);
      return void this.#held.push(response);
    }
    const isOpen = /^\/(interactions|webhooks)\//.test(route);
    if (!isOpen && request.headers.authorization !== `Bot ${TOKEN}`)
      return void send(401, { message: '401: Unauthorized', code: 0 });
    const wrong = faultOf(method, route, body);
    if (wrong !== undefined) return void send(400, { message: `Invalid Form Body: ${wrong}`, code: 50035 });
    const page = /^\/channels\/(\d+)\/messages$/.exec(route);
    if (method === 'GET' && page !== null) {
      const [status, result] = this.#page(page[1]!, searchParams);
      return void send(status, result);
    }
    const [status, result] = this.#route(method, route, body, files);
    send(status, result);
  }

  #route(
    method: string,
    path: string,
    body: Json,
    files: Map<number, File & { bytes: Buffer }>,
  ): [number, Json?] {
    const part = path.split('/').slice(1) as [string, string, string, string, string, string];
    if (path === '/gateway/bot')
      return [
        200,
        {
          url: this.url.replace('http', 'ws'),
          shards: 1,
          session_start_limit: { total: 1000, remaining: 999, reset_after: 0, max_concurrency: 1 },
        },
      ];
    if (path === '/users/@me') return [200, BOT];
    if (path === '/users/@me/guilds')
      return [200, [{ id: GUILD, name: 'loopback', permissions: String(BOT_PERMISSIONS) }]];
    if (path === '/applications/@me') return [200, { id: BOT.id, flags: 0, name: 'Darkroom' }];
    if (path === '/users/@me/channels') {
      const id = `9${body.recipient_id}`;
      this.#channels.set(id, {
        id,
        type: 1,
        recipients: [{ id: body.recipient_id, username: 'someone', discriminator: '0', avatar: null }],
      });
      return [200, this.#channels.get(id)];
    }
    if (part[0] === 'guilds' && part[2] === 'members') {
      if (part[1] !== GUILD) return [404, { message: 'Unknown Member', code: 10007 }];
      const roles = this.rolesOf.get(part[3]) ?? [];
      const user = userJson({ id: part[3], name: 'someone' });
      return [200, { ...this.#member({ id: part[3], name: 'someone', roles }), user }];
    }
    if (part[0] === 'applications') return this.#application(method, body);
    if (part[0] === 'interactions') return this.#callback(part[1], part[2], body, files);
    if (part[0] === 'webhooks') return this.#webhook(method, part, body, files);
    if (part[0] === 'channels') return this.#channel(method, part, body, files);
    return [404, { message: 'Unknown', code: 0 }];
  }

  #application(method: string, body: Json): [number, Json] {
    if (method === 'PUT') {
      this.registrations++;
      this.commands = body.map((command: Json) => ({
        default_member_permissions: null,
        ...command,
        id: this.newId(),
        application_id: BOT.id,
        version: '1',
      }));
    }
    return [200, this.commands];
  }

  #callback(
    id: string,
    token: string,
    body: Json,
    files: Map<number, File & { bytes: Buffer }>,
  ): [number, Json?] {
    const interaction = this.interactions.get(id);
    if (interaction === undefined || interaction.token !== token)
      return [404, { message: 'Unknown interaction', code: 10062 }];
    if (interaction.acknowledgedMs !== undefined)
      return [400, { message: 'Interaction has already been acknowledged.', code: 40060 }];
    interaction.acknowledgedMs = performance.now() - interaction.sentAt;
    interaction.response = body;
    if (body.type === 4 || body.type === 5) {
      const data = body.type === 4 ? body.data : { flags: (body.data?.flags ?? 0) | 128 };
      interaction.original = this.#post(interaction.channel, data, files, interaction).id;
    }
    if (body.type === 6) interaction.original = interaction.message?.id;
    const message = interaction.original === undefined ? undefined : this.messages.get(interaction.original);
    return [
      200,
      { interaction: { id, type: 2 }, resource: { type: body.type, ...(message && { message }) } },
    ];
  }

  #webhook(
    method: string,
    [, , token, , which]: string[],
    body: Json,
    files: Map<number, File & { bytes: Buffer }>,
  ): [number, Json?] {
    const interaction = [...this.interactions.values()].find((one) => one.token === token);
    const age = Date.now() - Number((BigInt(interaction?.id ?? 0) >> 22n) + 1_420_070_400_000n);
    if (interaction === undefined || age > TOKEN_LIFE_MS)
      return [401, { message: 'Invalid Webhook Token', code: 50027 }];
    if (which === undefined) {
      // The first follow-up to a deferred answer takes its place.
      const waiting =
        interaction.original === undefined ? undefined : this.messages.get(interaction.original);
      if (waiting !== undefined && (waiting.flags & 128) !== 0) return this.#edit(waiting.id, body, files);
      return [200, this.#post(interaction.channel, body, files, interaction)];
    }
    const id = which === '@original' ? interaction.original : which;
    if (id === undefined || !this.messages.has(id)) return [404, { message: 'Unknown Message', code: 10008 }];
    if (method === 'DELETE') return this.#delete(id);
    return method === 'GET' ? [200, this.messages.get(id)] : this.#edit(id, body, files);
  }

  #channel(
    method: string,
    [, channel = '', kind, id = '', threads]: string[],
    body: Json,
    files: Map<number, File & { bytes: Buffer }>,
  ): [number, Json?] {
    const known = this.#channels.get(channel);
    if (known === undefined) return [404, { message: 'Unknown Channel', code: 10003 }];
    if (kind === undefined) return [200, known];
    if ((this.denied.get(channel) ?? 0n) & (1n << 11n) && method !== 'GET')
      return [403, { message: 'Missing Permissions', code: 50013 }];
    if (method === 'POST' && threads === 'threads') return this.#thread(channel, id, body);
    if (method === 'POST') {
      const twin =
        body.enforce_nonce && [...this.messages.values()].find(({ nonce }) => nonce === body.nonce);
      return [200, twin || this.#post(channel, body, files)];
    }
    const message = this.messages.get(id);
    if (message === undefined || message.channel_id !== channel || (message.flags & EPHEMERAL) !== 0)
      return [404, { message: 'Unknown Message', code: 10008 }];
    if (method === 'DELETE') return this.#delete(id);
    return method === 'GET' ? [200, message] : this.#edit(id, body, files);
  }

  /** The first messages after one or, without that, the last ones; newest first. */
  #page(channel: string, query: URLSearchParams): [number, Json] {
    if (!this.#channels.has(channel)) return [404, { message: 'Unknown Channel', code: 10003 }];
    const denied = this.denied.get(channel) ?? 0n;
    if (denied & VIEW_CHANNEL) return [403, { message: 'Missing Access', code: 50001 }];
    if (denied & READ_HISTORY) return [200, []];
    const limit = Number(query.get('limit') ?? 50);
    if (!(limit >= 1 && limit <= 100)) return [400, { message: 'Invalid Form Body', code: 50035 }];
    const after = query.get('after');
    const all = [...this.messages.values()]
      .filter(({ channel_id: at, flags }) => at === channel && (flags & EPHEMERAL) === 0)
      .filter(({ id }) => after === null || BigInt(id) > BigInt(after))
      .toSorted((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
    const page = after === null ? all.slice(-limit) : all.slice(0, limit);
    const nonceless = page.map(({ nonce: _nonce, ...message }) => {
      const thread = this.#channels.get(message.id);
      return thread === undefined ? message : { ...message, thread };
    });
    return [200, nonceless.reverse()];
  }

  #thread(channel: string, message: string, { name }: Json): [number, Json] {
    if (this.#channels.has(message))
      return [400, { message: 'A thread has already been created for this message', code: 160004 }];
    const thread = {
      id: message,
      type: 11,
      name,
      guild_id: GUILD,
      parent_id: channel,
      owner_id: BOT.id,
      message_count: 0,
      member_count: 1,
      thread_metadata: {
        archived: false,
        auto_archive_duration: 1440,
        archive_timestamp: new Date().toISOString(),
        locked: false,
      },
    };
    this.#channels.set(message, thread);
    this.dispatch('THREAD_CREATE', thread);
    return [201, thread];
  }

  #delete(id: string): [number] {
    const message = this.messages.get(id);
    this.messages.delete(id);
    this.dispatch('MESSAGE_DELETE', { id, channel_id: message.channel_id, guild_id: GUILD });
    return [204];
  }

  #post(
    channel: string,
    data: Json,
    files: Map<number, File & { bytes: Buffer }>,
    interaction?: Interaction,
  ): Json {
    const message = {
      ...this.#message(channel, BOT),
      guild_id: GUILD,
      nonce: data?.nonce,
      ...(interaction && { application_id: BOT.id, webhook_id: BOT.id, asker: interaction.user.id }),
    };
    this.messages.set(message.id, message);
    const [, posted] = this.#edit(message.id, data, files, true);
    if ((posted.flags & EPHEMERAL) === 0) this.dispatch('MESSAGE_CREATE', posted);
    return posted;
  }

  #edit(id: string, data: Json, files: Map<number, File & { bytes: Buffer }>, isNew = false): [number, Json] {
    const before = this.messages.get(id);
    const attachments = (data?.attachments ?? []).flatMap((one: Json) => {
      const file = files.get(Number(one.id));
      return file === undefined
        ? []
        : [{ ...this.upload(one.filename ?? file.name, file.bytes), description: one.description }];
    });
    const resolve = (value: Json): Json =>
      JSON.parse(JSON.stringify(value), (_key, part) => {
        const name =
          typeof part === 'string' && part.startsWith('attachment://') ? part.slice(13) : undefined;
        return name === undefined ? part : attachments.find(({ filename }: Json) => filename === name)?.url;
      });
    const message = {
      ...before,
      content: data?.content ?? before.content,
      flags: ((before.flags & EPHEMERAL) | (data?.flags ?? before.flags)) & ~(isNew ? 0 : 128),
      components: data?.components === undefined ? before.components : resolve(data.components),
      edits: (before.edits ?? -1) + 1,
      ...(!isNew && { edited_timestamp: new Date().toISOString() }),
      allowed_mentions: data?.allowed_mentions ?? before.allowed_mentions,
    };
    this.messages.set(id, message);
    if (!isNew && (message.flags & EPHEMERAL) === 0) this.dispatch('MESSAGE_UPDATE', message);
    return [200, message];
  }
}

const guildOf = (channel: string) => (channel === CHANNELS.audit ? OTHER_GUILD : GUILD);

const userJson = ({ id, name }: Person): Json => ({
  id,
  username: name,
  global_name: name,
  discriminator: '0',
  avatar: null,
});

async function readBody(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  const type = request.headers['content-type'] ?? '';
  const files = new Map<number, File & { bytes: Buffer }>();
  if (!type.startsWith('multipart/'))
    return { body: whole.length === 0 ? undefined : JSON.parse(String(whole)), files };
  const form = await new Response(whole, { headers: { 'content-type': type } }).formData();
  for (const [key, value] of form) {
    const index = /^files\[(\d+)\]$/.exec(key)?.[1];
    if (index !== undefined && value instanceof File) {
      files.set(Number(index), Object.assign(value, { bytes: Buffer.from(await value.arrayBuffer()) }));
    }
  }
  return { body: JSON.parse(String(form.get('payload_json') ?? 'null')), files };
}
