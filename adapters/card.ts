/**
 * What Darkroom says, as plain data. Commands make cards; each adapter renders them in its platform's
 * idiom (message, blocks, components). A card holds words, never markup.
 */
import type { ErrorCode } from '../src/errors.ts';
import type { JobState, Loading } from '../src/job.ts';
import type { Locale } from '../src/sentences.ts';

export interface CardPicture {
  /** Id in the picture store. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly alt: string;
  /** Of a picture that was made here. */
  readonly seed?: number;
  /** Whether it is shown only to those who want to see it. */
  readonly isSpoiler: boolean;
}

/** A job's state as the card shows it; absent numbers are not known yet. */
interface CardJob {
  readonly id: string;
  readonly state: JobState;
  readonly position?: number;
  readonly etaSeconds?: number;
  readonly step?: number;
  readonly steps?: number;
  /** While its model is being loaded and is large. */
  readonly loading?: Loading;
  /** How many pictures it makes, where it makes several. */
  readonly count?: number;
  /** Seconds from acceptance to picture. */
  readonly seconds?: number;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** A button. `id` is a verb with its argument, e.g. `vary:JOB`, so that it outlives the process. */
export interface CardAction {
  readonly id: string;
  readonly label: string;
  readonly style?: 'primary' | 'danger';
  /** What it asks before it acts; a platform with modals looks it up by the id when it is pressed. */
  readonly form?: CardForm;
}

/** What a button asks before it acts: a modal on the platforms that have them. */
export interface CardForm {
  readonly title: string;
  /** What it says, where it only asks whether that is meant. */
  readonly text?: string;
  /** Label of the button that sends it, where that is not the usual one. */
  readonly submit?: string;
  readonly fields: readonly FormField[];
}

export type FormField = {
  /** Key of the value that the action is sent with. */
  readonly name: string;
  readonly label: string;
  readonly required: boolean;
} & (
  | { readonly kind: 'words'; readonly value?: string; readonly placeholder?: string }
  | { readonly kind: 'number'; readonly value: number; readonly min: number; readonly max: number }
  | {
      readonly kind: 'choice';
      readonly choices: readonly { readonly value: string; readonly label: string }[];
    }
  | { readonly kind: 'picture' }
);

/** What a picture is, beside its pixels. */
export interface CardAbout {
  readonly prompt: string;
  /** The name of who requested it. */
  readonly asker: string;
  /** What it was made from, in words: `Variation`; and the job of that picture, to whose message a platform can link. */
  readonly origin?: {
    readonly text: string;
    readonly job?: string;
    /** Its number among the pictures of that job, where there are several. */
    readonly picture?: number;
  };
}

/** Characters of a prompt that a card shows; the recipe has all of it. */
export const ABOUT_CHARACTERS = 300;
/** Characters of the notes that a card shows; its action Notes has all of them. */
export const NOTE_CHARACTERS = 300;

export interface CardField {
  readonly name: string;
  readonly value: string;
  /** A command line, to be copied as it stands. */
  readonly isCode?: true;
}

interface CardCell {
  /** Of the action that answers with the picture by itself. */
  readonly id: string;
  /** What is particular to it: `steps 10, cfg 3`. */
  readonly label: string;
  readonly picture: CardPicture;
}

export interface CardFile {
  /** A plain name with its ending. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Card {
  /** Of its words, for those that an adapter adds; English where it is absent. */
  readonly locale?: Locale;
  /** The sentence; empty where the picture says it all. */
  readonly text: string;
  readonly about?: CardAbout;
  /** The quiet line under a picture: model, seed, seconds. */
  readonly footer?: string;
  readonly pictures?: readonly CardPicture[];
  /** Of a job that goes on, those of its pictures that are finished; a platform that would have to post them again with each edit passes over them. */
  readonly finished?: readonly CardPicture[];
  /** Pictures that came with the request and were kept; a platform that has its own copy passes over them. */
  readonly inputs?: readonly CardPicture[];
  /** A small PNG of the picture as it comes up. */
  readonly preview?: Uint8Array;
  /** Plots of numbers that the card also says in words; a platform with a page of its own passes over them. */
  readonly plots?: readonly { readonly png: Uint8Array; readonly alt: string }[];
  /** Files for other programs; a platform with a page of its own passes over them. */
  readonly files?: readonly CardFile[];
  readonly job?: CardJob;
  readonly fields?: readonly CardField[];
  /** Where set, a thread of this name is opened for the request and holds its message. */
  readonly thread?: string;
  /** Only the user who asked sees the message, from its first to its last state. */
  readonly isPrivate?: boolean;
  /** Further sentences, e.g. which words fell off; they stand under the buttons. */
  readonly notes?: readonly string[];
  readonly actions?: readonly CardAction[];
  /** Less likely actions, in a menu More. */
  readonly more?: readonly CardAction[];
  /** The pictures of a sweep, each to be opened by its action: a menu, or tiles. */
  readonly cells?: readonly CardCell[];
  /** Id of an action that answers with the pictures that are hidden here: for platforms that cannot hide one. */
  readonly reveal?: string;
  /** Id of an action that answers with this card as it is now and changes nothing: for platforms that keep it up to date. */
  readonly refresh?: string;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}
