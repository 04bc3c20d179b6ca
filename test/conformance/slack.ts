/** Slack for the conformance suite: the real adapter and Bolt against a local Slack. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { createSlackAdapter } from '../../adapters/slack/adapter.ts';
import { unescapeText } from '../../adapters/slack/render.ts';
import { COMMANDS } from '../../commands/router.ts';
import { contactSheet } from '../../src/image/contact-sheet.ts';
import { temporaryFolder } from '../adapters/stand-in.ts';
import { PATIENCE } from '../patience.ts';
import { type FaultyApi, startFaultyApi } from '../slack/faulty.ts';
import {
  APP_TOKEN,
  BOT_TOKEN,
  BOT_USER,
  CHANNEL,
  freePort,
  SIGNING_SECRET,
  startLocalSlack,
  userId,
} from '../slack/local-slack.ts';
import type { Chat, Picture, Seen, Values } from './chat.ts';
import { startProgram } from './program.ts';

const PEOPLE = ['ada', 'bo', 'cy', 'min', ...Array.from({ length: 50 }, (_, i) => `p${i}`)];

// biome-ignore lint/suspicious/noExplicitAny: payloads of another program
type Json = any;

export interface SlackChat extends Chat {
  /** What the adapter's calls go through. */
  readonly api: FaultyApi;
  /** Of the workspace's pages. */
  host(): Promise<string>;
  /** Where HTTP mode is reached. */
  readonly eventsUrl: string;
  /** Types a slash command as it stands. */
  type(person: string, command: string, text: string): Promise<void>;
  /** Sends a message as Slack hands it over, markup and all, to the bot. */
  send(person: string, text: string, replyTo?: Seen): Promise<void>;
  /** Says words to the bot in a thread. */
  sayIn(thread: string, person: string, words: string): Promise<void>;
  /** Posts a picture. @returns the message as Slack tells it */
  share(person: string, picture: Picture): Promise<Json>;
  /** A trigger id, which opens a form. */
  trigger(person: string): Promise<string>;
  /** Fills the form that is open and sends it. */
  fill(person: string, form: Values): Promise<void>;
}

export async function startSlack(mode: 'socket' | 'http'): Promise<SlackChat> {
  const port = mode === 'http' ? await freePort() : 0;
  const slack = await startLocalSlack(
    PEOPLE,
    mode === 'http' ? `http://127.0.0.1:${port}/slack/events` : undefined,
  );
  const api = await startFaultyApi(slack.url);
  const folder = await temporaryFolder();
  const program = await startProgram(folder.folder, ({ commands, store, deliveries, onError }) =>
    createSlackAdapter({
      botToken: BOT_TOKEN,
      ...(mode === 'socket' ? { appToken: APP_TOKEN } : { signingSecret: SIGNING_SECRET }),
      host: '127.0.0.1',
      port,
      apiUrl: api.url,
      mediaHosts: ['127.0.0.1'],
      maxPictureBytes: 8 * 1024 * 1024,
      handle: commands.handle,
      formOf: commands.formOf,
      react: commands.react,
      contactSheet,
      pictures: store.pictures,
      deliveries,
      onError,
    }),
  );
  const acknowledged: number[] = [];
  const drive = async (call: string, body: object) => {
    const started = performance.now();
    const answer = await slack.control(call, body);
    if (call !== 'upload' && call !== 'message') acknowledged.push(performance.now() - started);
    if (answer.ok === false) throw new Error(`local-slack: ${answer.error}`);
    return answer;
  };
  const channels = async (): Promise<string[]> => {
    const { channels: all } = (await (await fetch(`${slack.url}/_control/state`)).json()) as Json;
    return all.map(({ id }: Json) => id);
  };
  const messagesOf = async (channel: string): Promise<Json[]> => {
    const { messages } = (await (await fetch(`${slack.url}/_control/messages/${channel}`)).json()) as Json;
    return messages
      .filter(({ user }: Json) => user === BOT_USER)
      .map((message: Json) => ({ ...message, channel }));
  };
  /** A file does not change; a chat is looked at often. */
  const fetched = new Map<string, Promise<Uint8Array>>();
  const picture = (id: string): Promise<Uint8Array> => {
    const known = fetched.get(id) ?? fetchPicture(id);
    fetched.set(id, known);
    return known;
  };
  const fetchPicture = async (id: string): Promise<Uint8Array> => {
    const headers = { authorization: `Bearer ${BOT_TOKEN}` };
    const { file } = (await (
      await fetch(`${slack.url}/api/files.info?file=${id}`, { headers })
    ).json()) as Json;
    if (file === undefined) fetched.delete(id);
    assert.ok(file, `the file ${id} is gone`);
    return new Uint8Array(await (await fetch(file.url_private_download, { headers })).arrayBuffer());
  };
  const seen = async (message: Json): Promise<Seen> => {
    const blocks: Json[] = message.blocks ?? [];
    const words = blocks.flatMap(({ type, text, elements }) =>
      type === 'section' ? [text] : type === 'context' ? elements : [],
    );
    const images = blocks.filter(({ type }) => type === 'image');
    return {
      id: message.ts,
      // What stands beside blocks is for notifications; without any it is the message.
      text: (blocks.length === 0 ? [{ type: 'mrkdwn', text: message.text }] : words)
        .map(({ type, text }: Json) => (type === 'mrkdwn' ? unescapeText(text) : text))
        .join('\n')
        .replaceAll('\u200b', ''),
      pictures: await Promise.all(
        images.map(async ({ slack_file, alt_text }) => ({
          alt: alt_text,
          bytes: await picture(slack_file.id),
        })),
      ),
      buttons: blocks.flatMap(({ type, elements }) =>
        type === 'actions'
          ? elements.flatMap((one: Json) => (one.options ?? [one]).map(({ text }: Json) => text.text))
          : [],
      ),
      isPrivate: message.ephemeral_to !== undefined || message.channel.startsWith('D'),
      place: `${message.channel}${message.thread_ts ? `:${message.thread_ts}` : ''}`,
    };
  };
  const find = async (ts: string): Promise<Json> =>
    (await Promise.all((await channels()).map(messagesOf))).flat().find((one) => one.ts === ts);
  const say = async (
    person: string,
    text: string,
    thread?: string,
    file?: { name: string; bytes: Uint8Array },
  ) => {
    const where = { channel: CHANNEL, user: userId(person), text, ...(thread && { thread_ts: thread }) };
    if (file === undefined) return drive('message', where);
    const form = new FormData();
    for (const [key, value] of Object.entries(where)) form.set(key, value);
    form.append('file', new File([new Uint8Array(file.bytes)], file.name, { type: 'image/png' }));
    return drive('upload', form);
  };

  return {
    platform: 'slack',
    errors: program.errors,
    undo: program.undo,
    noting: program.noting,
    isKnown: program.isKnown,
    get queue() {
      return program.queue;
    },
    acknowledgements: () => acknowledged,
    async command(person, name, values = {}, pictures = {}) {
      const [head = '', ...sub] = name.split(' ');
      const line = [...sub, lineOf(name, values)].join(' ');
      const [only] = Object.values(pictures);
      // A slash command of Slack carries no file: words with a picture are a mention.
      if (only !== undefined) await say(person, `<@${BOT_USER}> /${head} ${line}`, undefined, only);
      else {
        const typed = { command: `/${head}`, text: asTyped(line) };
        await drive('command', { channel: CHANNEL, user: userId(person), ...typed });
      }
    },
    async say(person, words, { picture: file, replyTo } = {}) {
      const message = replyTo && (await find(replyTo.id));
      await say(
        person,
        `<@${BOT_USER}> ${escaped(words)}`,
        message && (message.thread_ts ?? message.ts),
        file,
      );
    },
    async press(person, { id }, label, form) {
      const message = await find(id);
      const button = message.blocks
        .flatMap(({ type, elements }: Json) => (type === 'actions' ? elements : []))
        .flatMap((one: Json) =>
          (one.options ?? []).length > 0
            ? one.options.map((option: Json) => ({ ...one, text: option.text, selected_option: option }))
            : one,
        )
        .find(({ text }: Json) => text?.text === label);
      if (button === undefined) throw new Error(`there is no button ${label}`);
      await drive('interact', {
        channel: message.channel,
        messageTs: id,
        user: userId(person),
        action: button,
      });
      if (form !== undefined) await sendForm(slack.url, userId(person), form);
    },
    async react(person, { id: ts, place }, present) {
      const channel = place.split(':')[0];
      await drive('reaction', { channel, ts, user: userId(person), name: 'star', present });
    },
    async seenBy(person) {
      const mine = (message: Json) => (message.ephemeral_to ?? userId(person)) === userId(person);
      const look = async () => (await Promise.all((await channels()).map(messagesOf))).flat().filter(mine);
      let all = await look();
      for (;;) {
        const shown = await Promise.all(all.map(seen)).catch((error: unknown) => error as Error);
        if (!(shown instanceof Error)) return shown;
        // A picture may have been replaced since: then the message shows another. One that is gone from
        // under a message that still shows it is a fault.
        const now = await look();
        if (isDeepStrictEqual(now, all)) throw shown;
        all = now;
      }
    },
    idOf: (person) => `<@${userId(person)}>`,
    pinging: () => [],
    api,
    async host() {
      const headers = { authorization: `Bearer ${BOT_TOKEN}` };
      const answer = await fetch(`${slack.url}/api/auth.test`, { method: 'POST', headers });
      return new URL(((await answer.json()) as Json).url).host;
    },
    eventsUrl: `http://127.0.0.1:${port}/slack/events`,
    async type(person, command, text) {
      await drive('command', { channel: CHANNEL, user: userId(person), command, text });
    },
    async send(person, text, replyTo) {
      const message = replyTo && (await find(replyTo.id));
      const words = text.includes('BOT') ? text.replace('BOT', `<@${BOT_USER}>`) : `<@${BOT_USER}> ${text}`;
      await say(person, words, message && (message.thread_ts ?? message.ts));
    },
    async sayIn(thread, person, words) {
      await say(person, `<@${BOT_USER}> ${escaped(words)}`, thread);
    },
    async share(person, { name, bytes }) {
      await say(person, 'look', undefined, { name, bytes });
      const { messages } = (await (await fetch(`${slack.url}/_control/messages/${CHANNEL}`)).json()) as Json;
      return messages.findLast(({ files }: Json) => files?.length > 0);
    },
    async trigger(person) {
      // Every slash command comes with one; the log of the local Slack shows what it sent.
      await drive('command', { channel: CHANNEL, user: userId(person), command: '/nothing', text: 'x' });
      const { log } = (await (await fetch(`${slack.url}/_control/log`)).json()) as Json;
      return JSON.stringify(log)
        .match(/trigger_id=[\w.]+/g)!
        .at(-1)!
        .slice('trigger_id='.length);
    },
    async files() {
      const messages = (await Promise.all((await channels()).map(messagesOf))).flat();
      const shared = messages.flatMap(({ channel, files = [] }: Json) =>
        // Only that person's.
        channel.startsWith('D') ? files.filter(({ name }: Json) => name.endsWith('.csv')) : [],
      );
      return Promise.all(
        shared.map(async ({ id, name }: Json) => ({ name, text: Buffer.from(await picture(id)).toString() })),
      );
    },
    fill: (person, form) => sendForm(slack.url, userId(person), form),
    get dying() {
      return program.dying;
    },
    restart: () => program.restart(),
    async [Symbol.asyncDispose]() {
      await program.stop();
      await api[Symbol.asyncDispose]();
      await slack[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function lineOf(name: string, values: Values): string {
  const all = COMMANDS.flatMap((one) => [one, ...(one.subcommands ?? [])]);
  const command = all.find((one) => one.name === name);
  return Object.entries(values)
    .map(([key, value]) =>
      [command?.options[key]?.flag, value].filter((part) => part !== undefined).join(' '),
    )
    .join(' ');
}

/** Mentions stay what Slack has made of them. */
const asTyped = (line: string) => escaped(line).replaceAll(/&lt;@(\w+)&gt;/g, '<@$1>');

/** As Slack hands over what a person typed. */
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Fills in the modal that is open and sends it, as the local Slack's own page does. */
async function sendForm(url: string, user: string, form: Values): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ui`);
  const isOpen = (event: MessageEvent) => {
    const data = JSON.parse(String(event.data));
    const stack = data.t === 'init' ? data.state.modalStack : data.t === 'view' ? data.stack : [];
    return (stack ?? []).length > 0;
  };
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no modal came')), PATIENCE);
    socket.addEventListener('message', (event) => {
      if (!isOpen(event)) return;
      clearTimeout(timer);
      resolve();
    });
  });
  const values = Object.fromEntries(
    Object.entries(form).map(([name, value]) => [
      name,
      {
        value: { type: 'plain_text_input', value: String(value), selected_option: { value: String(value) } },
      },
    ]),
  );
  socket.send(JSON.stringify({ t: 'view_submit', user, values }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.close();
}
