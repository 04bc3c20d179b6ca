/** The web chat for the conformance suite, by its HTTP calls; the browser has its own tests. */

import type { MessageJson } from '../../adapters/web/conversation/message.ts';
import { createWebAdapter, type WebAdapter } from '../../adapters/web/server.ts';
import { COMMANDS } from '../../commands/router.ts';
import { readUpload } from '../../src/image/upload.ts';
import { Client, temporaryFolder } from '../adapters/stand-in.ts';
import type { Chat, Seen, Values } from './chat.ts';
import { startProgram } from './program.ts';

export async function startWeb(): Promise<Chat> {
  const folder = await temporaryFolder();
  const program = await startProgram(folder.folder, ({ commands, store, onError }) =>
    createWebAdapter({
      host: '127.0.0.1',
      port: 0,
      users: 'header',
      secret: store.secret,
      handle: commands.handle,
      describe: commands.describe,
      complete: commands.complete,
      messages: store.messages,
      people: store.people,
      pictures: store.pictures,
      isHeld: (picture) => store.reviews.isHeld(picture),
      readUpload,
      ready: () => true,
      onError,
      limits: { burst: 200 },
    }),
  );
  const client = (person: string) =>
    new Client((program.adapter as WebAdapter).url, {
      'x-darkroom-user': person,
      'accept-language': person === 'min' ? 'ko-KR,ko;q=0.9,en;q=0.8' : 'en',
    });
  const acknowledged: number[] = [];
  /** Refusals answer the call itself: their asker alone sees them. */
  const refused = new Map<string, Seen[]>();
  const call = async (
    person: string,
    work: () => Promise<{ status: number; error?: { message: string } }>,
  ) => {
    const started = performance.now();
    const { status, error } = await work();
    acknowledged.push(performance.now() - started);
    if (error === undefined) return;
    const seen = {
      id: `refusal-${status}`,
      text: error.message,
      pictures: [],
      buttons: [],
      isPrivate: true,
      place: 'web',
    };
    refused.set(person, [...(refused.get(person) ?? []), seen]);
  };
  const find = async (person: string, id: string) =>
    (await client(person).messages()).find((message) => message.id === id);

  return {
    platform: 'web',
    errors: program.errors,
    undo: program.undo,
    noting: program.noting,
    isKnown: program.isKnown,
    get queue() {
      return program.queue;
    },
    acknowledgements: () => acknowledged,
    async command(person, name, values = {}, pictures = {}) {
      const [picture] = Object.values(pictures);
      const file = picture && new File([new Uint8Array(picture.bytes)], picture.name);
      await call(person, () => client(person).post(lineOf(name, values), { ...(file && { file }) }));
    },
    async say(person, words, { picture, replyTo } = {}) {
      const file = picture && new File([new Uint8Array(picture.bytes)], picture.name);
      await call(person, () =>
        client(person).post(words, { ...(file && { file }), ...(replyTo && { replyTo: replyTo.id }) }),
      );
    },
    async press(person, { id }, label, form) {
      const message = await find(person, id);
      const action = [...(message?.actions ?? []), ...(message?.cells ?? [])].find(
        (one) => one.label === label,
      );
      if (action === undefined) throw new Error(`there is no button ${label}`);
      await call(person, () => client(person).press(id, action.id, form));
    },
    async seenBy(person) {
      const messages = (await client(person).messages()).filter(({ author }) => author.bot);
      return [
        ...(await Promise.all(messages.map((one) => seen(client(person).url, one)))),
        ...(refused.get(person) ?? []),
      ];
    },
    idOf: (person) => person,
    pinging: () => [],
    get dying() {
      return program.dying;
    },
    restart: () => program.restart(),
    async [Symbol.asyncDispose]() {
      await program.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function lineOf(name: string, values: Values): string {
  const all = COMMANDS.flatMap((one) => [one, ...(one.subcommands ?? [])]);
  const command = all.find((one) => one.name === name);
  const words = Object.entries(values).map(([key, value]) =>
    [command?.options[key]?.flag, value].filter((part) => part !== undefined).join(' '),
  );
  return [`/${name}`, ...words].join(' ');
}

/** A picture does not change; a chat is looked at often. */
const fetched = new Map<string, Promise<Uint8Array>>();

function bytesOf(url: string): Promise<Uint8Array> {
  const known =
    fetched.get(url) ??
    fetch(url, { headers: { 'x-darkroom-user': 'x' } }).then(
      async (response) => new Uint8Array(await response.arrayBuffer()),
    );
  fetched.set(url, known);
  return known;
}

async function seen(url: string, message: MessageJson): Promise<Seen> {
  const words = [
    message.text,
    message.about?.prompt ?? '',
    message.footer ?? '',
    ...(message.notes ?? []),
    ...(message.fields ?? []).map(({ name, value }) => `${name}\n${value}`),
  ];
  const pictures = await Promise.all(
    message.pictures.map(async (picture) => ({
      alt: picture.alt,
      isHidden: picture.spoiler === true,
      bytes: await bytesOf(`${url}${picture.url}`),
    })),
  );
  return {
    id: message.id,
    text: words.join('\n'),
    pictures,
    buttons: [...message.actions, ...(message.cells ?? [])].map(({ label }) => label),
    isPrivate: message.private ?? false,
    place: 'web',
  };
}
