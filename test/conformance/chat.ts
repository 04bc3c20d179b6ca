/** A chat platform as its users see it: what the conformance suite drives, whatever lies underneath. */
import type { Platform } from '../../adapters/platforms.ts';
import type { StandInQueue } from '../adapters/stand-in.ts';
import { PATIENCE } from '../patience.ts';

interface SeenPicture {
  readonly alt: string;
  readonly bytes: Uint8Array;
  /** Whether it is hidden until it is pressed. */
  readonly isHidden?: boolean;
}

/** A message of the bot. */
export interface Seen {
  readonly id: string;
  /** All words of it, the quiet lines too. */
  readonly text: string;
  readonly pictures: readonly SeenPicture[];
  /** Labels of its buttons. */
  readonly buttons: readonly string[];
  readonly isPrivate: boolean;
  /** The channel or thread it stands in. */
  readonly place: string;
}

export interface Picture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Chat extends AsyncDisposable {
  readonly platform: Platform;
  readonly queue: StandInQueue;
  /** Errors that the program reported to its operator. */
  readonly errors: readonly unknown[];
  /** Milliseconds from each command, press or form to its acknowledgement. */
  acknowledgements(): readonly number[];
  /** Uses a command with values by option name. */
  command(
    person: string,
    name: string,
    values?: Values,
    pictures?: Readonly<Record<string, Picture>>,
  ): Promise<void>;
  /** Says words to the bot. */
  say(person: string, words: string, more?: { picture?: Picture; replyTo?: Seen }): Promise<void>;
  /** Presses a button by its label; `form` is what its form, where it has one, is filled with. */
  press(person: string, message: Seen, label: string, form?: Values): Promise<void>;
  /** The bot's messages that the person can see, oldest first. */
  seenBy(person: string): Promise<readonly Seen[]>;
  /** Puts a star under a message, or takes it away; absent where there are no reactions. */
  react?(person: string, message: Seen, isAdded: boolean): Promise<void>;
  /** Files of the bot that are no pictures; absent where the platform has pages for them. */
  files?(): Promise<readonly { readonly name: string; readonly text: string }[]>;
  /** A person's id as an option takes it. */
  idOf(person: string): string;
  /** Messages of the bot that would ring at somebody's. */
  pinging(): readonly string[];
  /** As in Program. */
  readonly dying: { beforeNote: boolean; beforeReviewNote: boolean };
  readonly undo: { ms: number };
  readonly noting: { ms: number };
  /** Whether a job is in the store. */
  isKnown(job: string): Promise<boolean>;
  /** Ends the program and starts it again over the same data. */
  restart(): Promise<void>;
}

export type Values = Readonly<Record<string, string | number>>;

/** Waits until the person sees a message that is as the test expects; the newest such one. */
export async function until(
  chat: Chat,
  person: string,
  isExpected: (message: Seen) => boolean,
): Promise<Seen> {
  const deadline = Date.now() + PATIENCE;
  let last: readonly Seen[] = [];
  while (Date.now() < deadline) {
    last = await chat.seenBy(person);
    const found = last.findLast(isExpected);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seen = last.map(({ text, buttons, pictures }) => `${text} [${buttons}] ${pictures.length} pictures`);
  throw new Error(
    `no message came to be as expected; seen:\n${seen.join('\n')}\nerrors: ${chat.errors.map(String)}`,
  );
}

/** The button of every picture, in the languages of those who ask. */
const RECIPE = ['Recipe', '레시피'];
export const hasPicture = ({ pictures, buttons }: Seen) =>
  pictures.length > 0 && buttons.some((label) => RECIPE.includes(label));
