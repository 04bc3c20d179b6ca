/** A message of the web chat: as it is stored, and as the page and scripts read it. */
import type { ErrorCode } from '../../../src/errors.ts';
import type { JobState, Loading } from '../../../src/job.ts';
import type { RunningNumbers } from '../../../src/store/notices.ts';
import type { Card, CardForm, CardPicture } from '../../card.ts';

export interface Author {
  readonly id: string;
  readonly name: string;
  readonly bot: boolean;
}

interface ActionJson {
  readonly id: string;
  readonly label: string;
  readonly style?: string;
  /** The form that the page shows before it sends the action. */
  readonly form?: CardForm;
}

interface PictureJson {
  readonly id: string;
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly alt: string;
  readonly seed?: number;
  /** The page blurs it until somebody presses it. */
  readonly spoiler?: true;
}

/** A number that is absent is not known yet. */
interface JobJson {
  readonly id: string;
  readonly state: JobState;
  readonly position?: number;
  readonly eta_seconds?: number;
  readonly step?: number;
  readonly steps?: number;
  /** How many pictures it makes, where it makes several: those that are finished are the message's. */
  readonly count?: number;
  /** Bytes of a large model that are open, while it is being loaded. */
  readonly loading?: Loading;
  /** Seconds from acceptance to picture. */
  readonly seconds?: number;
  /** `data:` URL of a small PNG of the latents as they stand. */
  readonly preview?: string;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

export interface MessageJson {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly author: Author;
  /** The user whom the bot answers; absent on a user's own message. */
  readonly asker?: { readonly id: string; readonly name: string };
  readonly text: string;
  readonly reply_to?: string;
  readonly pictures: readonly PictureJson[];
  readonly job?: JobJson;
  readonly actions: readonly ActionJson[];
  /** The pictures of a sweep, each with the action that opens it by itself. */
  readonly cells?: readonly { readonly id: string; readonly label: string; readonly picture: PictureJson }[];
  /** What a picture is: its prompt, who requested it, and what it was made from. */
  readonly about?: {
    readonly prompt: string;
    readonly asker: string;
    readonly origin?: { readonly text: string; readonly job?: string; readonly picture?: number };
  };
  readonly footer?: string;
  readonly fields?: readonly { readonly name: string; readonly value: string }[];
  readonly notes?: readonly string[];
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** Id of an action that brings the message up to date. */
  readonly refresh?: string;
  /** Only its reader sees it. */
  readonly private?: boolean;
}

/** The message in the store, with the only user who may read it; absent for a message that all may read. */
export interface MessageRecord extends MessageJson {
  readonly reader?: string;
  /** Of a user's message: the id of the bot's answer. */
  readonly answer?: string;
}

/** The event `job`: a job's numbers, the id of the message that shows them, and its text. */
export interface JobEventJson extends JobJson {
  readonly message: string;
  readonly text: string;
}

/** Whether a text can be the id of a message; nothing else is looked up. */
export const isMessageId = (id: string) => /^[0-9a-z]{1,64}$/.test(id);

export const BOT: Author = { id: 'darkroom', name: 'Darkroom', bot: true };

export const pictureJson = ({ id, width, height, alt, seed, isSpoiler }: CardPicture): PictureJson => ({
  id,
  url: `/api/pictures/${id}.png`,
  width,
  height,
  alt,
  ...(seed !== undefined && { seed }),
  ...(isSpoiler && { spoiler: true as const }),
});

/**
 * The message without the fields that only the server uses.
 * @param basePath the path below which the chat is served, without a slash at its end
 */
export function messageJson(record: MessageRecord, basePath: string): MessageJson {
  const { reader, answer: _answer, pictures, ...rest } = record;
  const below = <P extends PictureJson>(one: P): P => ({ ...one, url: `${basePath}${one.url}` });
  const message = {
    ...rest,
    pictures: pictures.map(below),
    ...(rest.cells && { cells: rest.cells.map((one) => ({ ...one, picture: below(one.picture) })) }),
  };
  return reader === undefined ? message : { ...message, private: true };
}

/** The message with the content of a card; fields that the card does not have are removed. */
export function withCard(message: MessageRecord, card: Card): MessageRecord {
  const { id, at, author, asker, reply_to, reader } = message;
  return {
    id,
    at,
    author,
    ...(asker && { asker }),
    ...(reply_to !== undefined && { reply_to }),
    ...(reader !== undefined && { reader }),
    text: card.text,
    pictures: (card.pictures ?? card.finished ?? []).map(pictureJson),
    actions: [...(card.actions ?? []), ...(card.more ?? []).filter(({ id }) => !OPENED_BY_PAGE.test(id))],
    ...(card.cells && {
      cells: card.cells.map(({ id, label, picture }) => ({ id, label, picture: pictureJson(picture) })),
    }),
    ...(card.about && { about: card.about }),
    ...(card.job && { job: jobJson(card) }),
    ...(card.footer !== undefined && { footer: card.footer }),
    ...(card.fields && { fields: card.fields.map(({ name, value }) => ({ name, value })) }),
    ...(card.notes?.length && { notes: card.notes }),
    ...(card.refresh !== undefined && { refresh: card.refresh }),
    ...(card.error && { error: card.error }),
  };
}

/** A running job's numbers as another process published them. */
export const runningJson = ({
  step,
  steps,
  etaSeconds,
  loading,
  preview,
}: RunningNumbers): Partial<JobJson> => ({
  step,
  steps,
  eta_seconds: etaSeconds,
  ...(loading && { loading }),
  ...(preview && { preview: dataUrl(preview) }),
});

/** The page opens each picture of a message by itself. */
const OPENED_BY_PAGE = /^show:/;

const dataUrl = (png: Uint8Array) => `data:image/png;base64,${Buffer.from(png).toString('base64')}`;

function jobJson({ job, preview }: Card): JobJson {
  const { id, state, position, etaSeconds, step, steps, count, loading, seconds, error } = job!;
  return {
    id,
    state,
    ...(position !== undefined && { position }),
    ...(etaSeconds !== undefined && { eta_seconds: etaSeconds }),
    ...(step !== undefined && { step }),
    ...(steps !== undefined && { steps }),
    ...(count !== undefined && { count }),
    ...(loading && { loading }),
    ...(seconds !== undefined && { seconds }),
    ...(preview && { preview: dataUrl(preview) }),
    ...(error && { error }),
  };
}
