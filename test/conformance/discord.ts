/** Discord for the conformance suite: the real adapter and client against the server on loopback. */
import { createDiscordAdapter } from '../../adapters/discord/adapter.ts';
import { COMMANDS } from '../../commands/router.ts';
import { shrinkPicture } from '../../src/image/shrink.ts';
import { temporaryFolder } from '../adapters/stand-in.ts';
import {
  CHANNELS,
  DiscordServer,
  type Interaction,
  type Json,
  type Person,
  TOKEN,
} from '../discord/server.ts';
import { eventually } from '../patience.ts';
import type { Chat, Seen, Values } from './chat.ts';
import { startProgram } from './program.ts';

/** Types of interactions and components in Discord's API. */
export const [COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT] = [2, 3, 4, 5];
const MODAL_RESPONSE = 9;
const SUBCOMMAND = 1;

export interface DiscordChat extends Chat {
  readonly server: DiscordServer;
}

export async function startDiscord({ answerMs = 0, token = TOKEN } = {}): Promise<DiscordChat> {
  const server = new DiscordServer();
  await server.start();
  const folder = await temporaryFolder();
  const program = await startProgram(
    folder.folder,
    ({ commands, store, deliveries, onError }) =>
      createDiscordAdapter({
        token,
        apiUrl: server.url,
        mediaHosts: ['127.0.0.1'],
        maxPictureBytes: 8 * 1024 * 1024,
        handle: commands.handle,
        commands: COMMANDS,
        formOf: commands.formOf,
        react: commands.react,
        complete: commands.complete,
        forget: commands.forget,
        shrink: shrinkPicture,
        pictures: store.pictures,
        deliveries,
        onError,
      }),
    answerMs,
  ).catch(async (error: unknown) => {
    await server.stop();
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  const personOf = (name: string): Person => ({ id: idOf(name), name, isAdmin: name === 'ada' });

  return {
    platform: 'discord',
    server,
    errors: program.errors,
    undo: program.undo,
    noting: program.noting,
    isKnown: program.isKnown,
    get queue() {
      return program.queue;
    },
    acknowledgements: () =>
      [...server.interactions.values()].flatMap(({ acknowledgedMs }) => acknowledgedMs ?? []),
    async command(person, name, values = {}, pictures = {}) {
      const [head = '', sub] = name.split(' ');
      const registered = server.commands.find((command) => command.name === head);
      const known =
        sub === undefined
          ? registered.options
          : registered.options.find((one: Json) => one.name === sub).options;
      const attachments: Json = {};
      const options = Object.entries({ ...values, ...pictures }).map(([key, value]) => {
        const { type } = known.find((option: Json) => option.name === key);
        if (typeof value !== 'object') return { name: key, type, value };
        const upload = server.upload(value.name, value.bytes);
        attachments[upload.id] = upload;
        return { name: key, type, value: upload.id };
      });
      const data = { id: registered.id, name: head, type: 1, resolved: { attachments } };
      const nested = sub === undefined ? options : [{ name: sub, type: SUBCOMMAND, options }];
      server.interact(personOf(person), COMMAND, { ...data, options: nested });
    },
    async say(person, words, { picture, replyTo } = {}) {
      const attachments = picture === undefined ? [] : [server.upload(picture.name, picture.bytes)];
      const more = { attachments, ...(replyTo && { replyTo: replyTo.id }) };
      server.say(personOf(person), CHANNELS.general, server.mention(words), more);
    },
    async press(person, { id }, label, form) {
      const message = server.messages.get(id);
      const button = buttonsOf(message).find((one) => one.label === label);
      if (button === undefined) throw new Error(`there is no button ${label}`);
      const { menu } = button;
      const data =
        menu === undefined
          ? { custom_id: button.custom_id, component_type: 2 }
          : { custom_id: menu, component_type: 3, values: [button.value] };
      const where = { message, channel: message.channel_id };
      const pressed = server.interact(personOf(person), COMPONENT, data, where);
      if (form !== undefined) await sendForm(server, personOf(person), pressed, form, message);
    },
    async react(person, { id, place }, isAdded) {
      server.react(personOf(person), place, id, isAdded);
    },
    async seenBy(person) {
      const all = [...server.messages.values()].filter(
        ({ author, flags, asker, channel_id: channel }) =>
          author.bot &&
          ((flags & 64) === 0 || asker === idOf(person)) &&
          (!isDirect(channel) || channel === `9${idOf(person)}`) &&
          (flags & 128) === 0,
      );
      return all.map((message) => seen(server, message));
    },
    idOf,
    pinging: () =>
      [...server.messages.values()]
        .filter(({ author, allowed_mentions: allowed }) => author.bot && allowed?.parse?.length !== 0)
        .map(({ id }) => id),
    async files() {
      const messages = [...server.messages.values()].filter(({ author }) => author.bot);
      const parts = messages.flatMap(({ components }) => walk(components)).filter(({ type }) => type === 13);
      return parts.map(({ file: { url } }: Json) => {
        const key = url.split('/attachments/')[1];
        return { name: key.split('/').at(-1), text: Buffer.from(server.files.get(key)!).toString() };
      });
    },
    get dying() {
      return program.dying;
    },
    restart: () => program.restart(),
    async [Symbol.asyncDispose]() {
      await program.stop();
      await server.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Channels of direct messages are named by who is spoken to. */
const isDirect = (channel: string) => channel.startsWith('95');

export const idOf = (name: string) =>
  `5${[...name].reduce((sum, letter) => sum * 31n + BigInt(letter.charCodeAt(0)), 7n)}`;

export async function sendForm(
  server: DiscordServer,
  person: Person,
  { id }: Interaction,
  form: Values,
  message?: Json,
) {
  const response = await eventually(
    'the answer to the interaction',
    () => server.interactions.get(id)?.response,
  );
  if (response.type !== MODAL_RESPONSE)
    throw new Error(`a modal was expected, callback ${response.type} came`);
  const components = response.data.components.map(({ component }: Json) => {
    const value = form[component.custom_id] ?? component.value ?? '';
    return {
      type: 18,
      id: 0,
      component: {
        type: component.type,
        id: 0,
        custom_id: component.custom_id,
        value: String(value),
        values: [String(value)],
      },
    };
  });
  server.interact(
    person,
    MODAL_SUBMIT,
    { custom_id: response.data.custom_id, components },
    message === undefined ? {} : { message, channel: message.channel_id },
  );
}

function walk(components: Json[]): Json[] {
  return components.flatMap((one) => [one, ...walk(one.components ?? [])]);
}

/** Buttons, and the options of menus. */
const buttonsOf = (message: Json): Json[] =>
  walk(message.components).flatMap((one) =>
    one.type === 2
      ? one
      : one.type === 3
        ? one.options.map((option: Json) => ({ ...option, menu: one.custom_id }))
        : [],
  );

function seen(server: DiscordServer, message: Json): Seen {
  const parts = walk(message.components);
  return {
    id: message.id,
    text: [{ type: 10, content: message.content }, ...parts]
      .filter(({ type, content }) => type === 10 && content !== '')
      .map(({ content }) => content)
      .join('\n')
      .replaceAll(/\\(.)/g, '$1'),
    pictures: parts
      .filter(({ type }) => type === 12)
      .flatMap(({ items }) =>
        items.map(({ media, description, spoiler }: Json) => ({
          alt: description,
          isHidden: spoiler === true && media.url.includes('/SPOILER_'),
          bytes: server.files.get(media.url.split('/attachments/')[1]),
        })),
      ),
    buttons: buttonsOf(message).map(({ label }) => label),
    isPrivate: (message.flags & 64) !== 0 || isDirect(message.channel_id),
    place: message.channel_id,
  };
}
