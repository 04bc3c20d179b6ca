/** The web chat as an adapter: one conversation behind an HTTP server that also serves the page. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { DarkroomError } from '../../src/errors.ts';
import type { MessageStore } from '../../src/store/messages.ts';
import type { Adapter } from '../adapter.ts';
import { Conversation, type ConversationOptions } from './conversation/conversation.ts';
import { EventHub } from './conversation/event-hub.ts';
import { BOT, type MessageRecord } from './conversation/message.ts';
import { WebReply } from './conversation/reply.ts';
import { basePathOf, isOpenToAll } from './server/access.ts';
import { type AppOptions, createApp } from './server/app.ts';
import { guest } from './server/identity.ts';

export interface WebOptions extends AppOptions, ConversationOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly messages: MessageStore<MessageRecord>;
}

export interface WebAdapter extends Adapter {
  /** `http://127.0.0.1:3000`, once it listens. */
  readonly url: string;
}

/** @throws DarkroomError('misconfigured') where anybody on the network could use the chat without a token */
export function createWebAdapter(options: WebOptions): WebAdapter {
  const hub = new EventHub();
  const conversation = new Conversation(options.messages, hub, { ...options, basePath: basePathOf(options) });
  const app = createApp(options, conversation, hub);
  const server = createAdaptorServer({ fetch: app.fetch });
  let url = '';
  return {
    platform: 'web',
    get url() {
      return url;
    },
    async reopen({ id, user, frame }) {
      const message = await conversation.ofJob(id);
      if (message === undefined) return new WebReply(conversation, { user });
      const state = message.job?.state;
      const isOpen = state === 'queued' || state === 'running' || frame?.review !== undefined;
      if (message.asker === undefined || !isOpen) return undefined;
      return new WebReply(conversation, { user: message.asker }, message);
    },
    async unpost({ id }) {
      const message = await conversation.ofJob(id);
      if (message !== undefined) await conversation.removeWithRequest(message);
    },
    /** Nobody but users: by the name that they have, as a guest or chosen, or by their id. */
    async find(_tenant, _kind, typed) {
      if (options.users === 'header') return { id: typed, name: typed };
      const person = (await options.people.named(typed)) ?? (await options.people.get(`web:${typed}`));
      const author = person ?? (await options.messages.authorNamed(typed));
      if (author !== undefined) return { id: author.id.slice(4), name: author.name ?? guest(typed).name };
      // Whoever has an id without having written anything: settings may name them.
      return /^[\w-]{12}$/.test(typed) ? { id: typed, name: guest(typed).name } : undefined;
    },
    async tenantsOf() {
      return [];
    },
    async rolesOf() {
      return [];
    },
    async post(_tenant, _channel, card) {
      const message = await new WebReply(conversation, { user: BOT }).post(card);
      return { channel: '', message };
    },
    // It has no channels to post reviews to.
    async findPosted() {
      return undefined;
    },
    async replace({ message: id }, card) {
      const message = await conversation.get(id);
      if (message === undefined) return;
      if (card === undefined) await conversation.remove(id);
      else await new WebReply(conversation, { user: BOT }, message).post(card);
    },
    async start() {
      const { host, port } = options;
      await conversation.open();
      server.listen(port, host);
      try {
        await once(server, 'listening');
      } catch (cause) {
        throw new DarkroomError(
          'misconfigured',
          `The web chat cannot listen on ${host}:${port}. Set DARKROOM_PORT to a free port, or to 0.`,
          { cause },
        );
      }
      const address = server.address() as AddressInfo;
      url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
      if (isOpenToAll(options)) {
        options.onNotice?.(
          `web chat: ${options.publicUrl} is public and DARKROOM_WEB_TOKEN is not set: whoever reaches it can draw`,
        );
      }
      return `web chat: ${url}`;
    },
    async stop() {
      await conversation.close();
      hub.close();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}
