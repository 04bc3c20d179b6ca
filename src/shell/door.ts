/**
 * The operator's door of a running `darkroom serve`. The embedded database belongs to one process, so the shell has
 * that process do what it is asked: a Unix socket in the data folder, only for its user. One connection is one
 * question, a line of JSON; lines of JSON answer it. Windows has no such sockets: there the folder stays refused.
 */
import { once } from 'node:events';
import { chmodSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DarkroomError, type ErrorCode } from '../errors.ts';
import { describeOnShell } from './told.ts';
import { UsageError } from './verb.ts';

export interface Question {
  readonly verb: 'queue' | 'config' | 'people' | 'backup';
  /** What stands behind the verb. */
  readonly args: readonly string[];
  /** Name of the one who asks. */
  readonly asker: string;
}

/** What the one who asks sees on the way. */
export interface Voice {
  /** A line for stdout. */
  say(text: string): void;
  /** A line for stderr. */
  complain(text: string): void;
}

/** @param signal aborted when the one who asked is gone @returns the exit code */
type Answer = (question: Question, voice: Voice, signal: AbortSignal) => Promise<number>;

type Word =
  | { readonly say: string }
  | { readonly complain: string }
  | { readonly code: number }
  | { readonly refusal: { readonly code: ErrorCode | 'usage'; readonly message: string } };

const NAME = 'serve.sock';
/** Bytes of a socket's path that every system takes (macOS: 104 with the final zero). */
const LONGEST_PATH = 100;
/** Bytes of a question. */
const LONGEST_QUESTION = 64 * 1024;

export interface ShellDoor {
  close(): Promise<void>;
}

/**
 * @param folder a data folder that this process holds; what a dead process left of its door is replaced
 * @returns undefined where the system has no such sockets
 */
export async function openDoor(folder: string, answer: Answer): Promise<ShellDoor | undefined> {
  if (process.platform === 'win32') return undefined;
  const guests = new Set<Socket>();
  const server = createServer((guest) => {
    guests.add(guest);
    guest.on('close', () => guests.delete(guest));
    // Who hangs up has heard enough.
    guest.on('error', () => {});
    void receive(guest, answer);
  });
  const file = join(realpathSync(folder), NAME);
  // Made where nobody else may look, and shown once nobody else may connect.
  const room = mkdtempSync(join(realpathSync(folder), 'door-'));
  try {
    await nearby(room, async (near) => {
      server.listen(join(near, NAME));
      await once(server, 'listening');
    });
    chmodSync(join(room, NAME), 0o600);
    renameSync(join(room, NAME), file);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
  return {
    async close() {
      const closed = once(server, 'close');
      rmSync(file, { force: true });
      server.close();
      for (const guest of guests) guest.destroy();
      await closed;
    },
  };
}

/**
 * Asks whoever holds a data folder.
 * @returns the exit code; undefined where nobody listens
 * @throws UsageError, DarkroomError as the one who was asked did
 */
export async function askAtDoor(
  folder: string,
  question: Question,
  voice: Voice,
): Promise<number | undefined> {
  if (process.platform === 'win32') return undefined;
  let socket: Socket;
  try {
    socket = await nearby(realpathSync(folder), async (near) => {
      const fresh = connect(join(near, NAME));
      await once(fresh, 'connect');
      return fresh;
    });
  } catch {
    // Nobody there: the folder itself then says whether it is free.
    return undefined;
  }
  try {
    socket.write(`${JSON.stringify(question)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const word = JSON.parse(line) as Word;
      if ('say' in word) voice.say(word.say);
      else if ('complain' in word) voice.complain(word.complain);
      else if ('code' in word) return word.code;
      else throw errorOf(word.refusal);
    }
  } finally {
    socket.destroy();
  }
  throw new DarkroomError(
    'internal',
    'darkroom serve ended before it answered. Ask again; its log says why it ended.',
  );
}

async function receive(guest: Socket, answer: Answer): Promise<void> {
  const gone = new AbortController();
  guest.on('close', () => gone.abort());
  const tell = (word: Word) => {
    if (!guest.destroyed) guest.write(`${JSON.stringify(word)}\n`);
  };
  try {
    const question = await readQuestion(guest);
    const voice: Voice = { say: (text) => tell({ say: text }), complain: (text) => tell({ complain: text }) };
    tell({ code: await answer(question, voice, gone.signal) });
  } catch (error) {
    const isUsage = error instanceof UsageError;
    tell({ refusal: isUsage ? { code: 'usage', message: error.message } : describeOnShell(error) });
  }
  guest.end();
}

async function readQuestion(guest: Socket): Promise<Question> {
  let text = '';
  guest.setEncoding('utf8');
  while (!text.includes('\n')) {
    const [chunk] = (await once(guest, 'data')) as [string];
    text += chunk;
    if (text.length > LONGEST_QUESTION) throw new UsageError('That is too long. Say it in fewer words.');
  }
  return JSON.parse(text) as Question;
}

function errorOf({ code, message }: Extract<Word, { refusal: unknown }>['refusal']): Error {
  return code === 'usage' ? new UsageError(message) : new DarkroomError(code, message);
}

/** Systems take about 100 bytes for a socket's path: one that is longer is reached by a link from a short one. */
async function nearby<T>(folder: string, work: (near: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(join(folder, NAME)) <= LONGEST_PATH) return work(folder);
  const room = mkdtempSync(join(tmpdir(), 'darkroom-'));
  const near = join(room, 'd');
  try {
    symlinkSync(folder, near);
    return await work(near);
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}
