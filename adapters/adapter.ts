/**
 * The contract between a chat platform and the commands. An adapter verifies and acknowledges, turns what
 * happened into an Invocation, hands it over with a Reply, and renders the cards that come back.
 */
import type { Card, CardForm } from './card.ts';
import type { MentionKind, Platform } from './platforms.ts';
import type { ShownJob } from './shown-job.ts';

export interface User {
  /** Unique over all platforms: `web:…`, `discord:…`. */
  readonly id: string;
  readonly name: string;
}

/** A picture that came with a message. */
export interface Attachment {
  readonly name: string;
  /** The option it was given for: `mask`; absent where the platform does not say. */
  readonly option?: string;
  /**
   * Its bytes, within the platform's limit. They are fetched only when this is called: a refused request downloads nothing.
   * @throws DarkroomError('forbidden' | 'not_found' | 'too_large' | 'bad_picture')
   */
  read(): Promise<Uint8Array>;
}

/** The message somebody replied to, as far as commands need it. */
export interface RepliedMessage {
  readonly id: string;
  /** Ids in the picture store; empty where the message shows none. */
  readonly pictureIds: readonly string[];
  /** The job that it shows, where it is a message of ours whose pictures the platform does not name. */
  readonly shows?: ShownJob;
  /** Its pictures as the platform has them. */
  readonly attachments?: readonly Attachment[];
}

/** Where something was said, as far as settings and permissions need it. Ids are unique over all platforms. */
export interface Where {
  /**
   * The Discord guild or Slack workspace. Absent in a direct message where the platform does not say which one it
   * belongs to: tenantsOf() does.
   */
  readonly tenant?: string;
  /** Whether only the user and the bot are there. */
  readonly isDirect?: boolean;
  /** The user shares further tenants with the bot, so that this one is only one of several. */
  readonly isOneOfSeveral?: boolean;
  /** The channel; for a thread, its parent channel. */
  readonly channel: string;
  /** The user's roles or groups there. */
  readonly roles: readonly string[];
  /** Whether the platform says that the user administers this tenant. */
  readonly isAdmin: boolean;
  /** Whether the platform marks the channel for adults. */
  readonly isAgeRestricted: boolean;
  /** The user's language there as BCP 47: `en-US`, `ko`. */
  readonly locale?: string;
  /** The user's time zone as the platform says it: `Asia/Seoul`. */
  readonly zone?: string;
  /**
   * Users of one group have the quotas and the part of the GPU of one user together: guests of the web chat
   * whose names cost nothing. Absent for a user who counts as one.
   */
  readonly quotaGroup?: string;
}

export interface Invocation {
  /** Of the event on its platform; the same id twice is the same event. */
  readonly id: string;
  readonly platform: Platform;
  readonly user: User;
  /** The channel or thread that the answer goes to; opaque to commands. */
  readonly channel: string;
  readonly where: Where;
  readonly attachments: readonly Attachment[];
  /** Names of files that came with it and are no pictures. */
  readonly otherFiles?: readonly string[];
  readonly repliedTo?: RepliedMessage;
  readonly input: /** A command line as typed: `/imagine a mug --seed 3`, or plain words. */
    | { readonly kind: 'line'; readonly text: string }
    /** A command whose options the platform has parsed. */
    | { readonly kind: 'command'; readonly name: string; readonly values: Readonly<Record<string, unknown>> }
    /** A pressed button or sent form of a card. */
    | {
        readonly kind: 'action';
        readonly action: string;
        readonly values: Readonly<Record<string, unknown>>;
        /** The message whose button it was. */
        readonly message: string;
      };
}

/** Where a card is that was posted, so that it can be changed later. */
export interface PostedCard {
  readonly channel: string;
  /** Empty where the message cannot be changed, and only its files can be deleted. */
  readonly message: string;
  /** Ids of files that the platform keeps beside the message. */
  readonly files?: readonly string[];
}

/** A posted card by one of its buttons. */
export interface SoughtCard {
  readonly tenant: string;
  /** As post() was given it. */
  readonly channel: string;
  /** Id of a button that no other card has. */
  readonly action: string;
  /** Milliseconds since 1970: it was posted after that. */
  readonly since: number;
}

/** Where the answer goes: one message, posted by the first call and edited by the next ones. */
export interface Reply {
  /** Least milliseconds between two edits, and between two that carry a preview, where the platform is slow. */
  readonly pace?: { readonly edit: number; readonly preview: number };
  /**
   * Posts the message, or edits it once it is posted.
   * @throws DarkroomError('forbidden') where the bot may not write there, ('not_found') where its message was
   *   deleted: nobody would see the rest
   * @returns the platform's id of the message
   */
  post(card: Card): Promise<string>;
  /**
   * Makes a message of the bot the answer: the next post() edits it. Only the message whose button was pressed; for
   * any other one a new message is posted as usual.
   */
  take(message: string): Promise<void>;
  /** An answer that only its reader sees. @returns where it is; undefined where nothing of it can be changed later */
  postEphemeral(card: Card): Promise<PostedCard | undefined>;
  /**
   * Says something to a user in reply to the message, so that the platform notifies them. Absent where there is nothing
   * to notify with: the web chat's page does that by itself.
   */
  mention?(user: Pick<User, 'id'>, text: string): Promise<void>;
  /** Deletes the bot's message. */
  delete(message: string): Promise<void>;
}

/** Where a job's message is on its platform, stored so that it is found again after a restart. */
export interface Delivery {
  readonly job: string;
  readonly platform: Platform;
  readonly channel: string;
  readonly message: string;
}

export interface Deliveries {
  get(job: string): Promise<Delivery | undefined>;
  /** The jobs whose message it is. */
  ofMessage(platform: Platform, message: string): Promise<readonly string[]>;
  put(delivery: Delivery): Promise<void>;
}

/** Who opens which form. */
export interface AskedForm {
  /** `edit:JOB`, or only the verb. */
  readonly action: string;
  /** The job of a message of ours that the form is opened for, where the action does not name it. */
  readonly job?: string;
  readonly platform: Platform;
  /** As in an Invocation. */
  readonly user: string;
  readonly tenant?: string;
  /** The user's language, as in Where. */
  readonly locale?: string;
  /** Whether the platform asks once more before something is deleted, as its own buttons do. */
  readonly confirms?: boolean;
}

/** What a button, a bare command or a menu on a message asks before it acts; undefined where it asks nothing. */
export type FormOf = (asked: AskedForm) => Promise<CardForm | undefined>;

/** A star that somebody put under a message of ours, or took away. */
export interface Reaction {
  /** The jobs whose message it is. */
  readonly jobs: readonly string[];
  readonly platform: Platform;
  /** As in an Invocation. */
  readonly user: string;
  readonly tenant: string | undefined;
  readonly isAdded: boolean;
}

/** What the program offers an adapter. Never rejects: a refusal is a card. */
export type Handle = (invocation: Invocation, reply: Reply) => Promise<void>;

/** A job as far as its message needs it. */
export interface RequestedJob {
  readonly id: string;
  /** Who requested it, and where: as in the Invocation. */
  readonly user: User;
  readonly channel: string;
  /** Milliseconds since 1970 when it was accepted: its message is not older. */
  readonly at: number;
  readonly frame?: {
    readonly isPrivate?: boolean;
    /** Set where its end may be shown more than once: before and after a reviewer has decided. */
    readonly review?: string;
    /** Name of the thread that is opened for it. */
    readonly thread?: string;
  };
}

/** Something of a platform by the platform's own id. */
export interface Found {
  readonly id: string;
  readonly name: string;
}

/** A user's membership in a tenant; both ids as in Where. */
export type Membership = Pick<Where, 'roles'> & { readonly tenant: string };

export interface Adapter {
  readonly platform: Platform;
  /**
   * The message of a job that the last process left unfinished, also where it died between posting and noting it;
   * where it died before it posted one, a new one in the channel where the job was requested.
   * @returns undefined where the message was deleted, or already shows the job's end
   */
  reopen(job: RequestedJob): Promise<Reply | undefined>;
  /**
   * Posts a card to a channel of a tenant.
   * @param tenant as in Where; a channel of another tenant is not found
   * @param channel its id or, as people write it, `#name`
   * @throws DarkroomError('not_found') where the tenant has no such channel
   */
  post(tenant: string, channel: string, card: Card): Promise<PostedCard>;
  /**
   * Looks for a card that post() has posted, where the program ended before it was noted.
   * @returns undefined where the channel has none, or is gone
   * @throws where the platform does not let us look
   */
  findPosted(sought: SoughtCard): Promise<PostedCard | undefined>;
  /**
   * Puts another card in the place of one that post() posted, or deletes the message; what the platform keeps of its
   * pictures goes. A message that is gone stays gone.
   */
  replace(posted: PostedCard, card: Card | undefined): Promise<void>;
  /** Deletes the message of a job, and what of its pictures the platform keeps; nothing where there is none. */
  unpost(job: RequestedJob): Promise<void>;
  /** A user's roles in a tenant, both named as in Where; empty where the platform has none. */
  rolesOf(tenant: string, user: string): Promise<readonly string[]>;
  /**
   * A channel, role or user of a tenant.
   * @param typed its id on the platform or its name, without a sign in front
   * @returns undefined where the tenant has none
   */
  find(tenant: string, kind: MentionKind, typed: string): Promise<Found | undefined>;
  /**
   * The tenants that a user shares with the bot, with their roles there: whose rules hold in a direct message. Empty
   * where the platform puts a tenant into each Where.
   */
  tenantsOf(user: string): Promise<readonly Membership[]>;
  /** Listens or connects. @returns one line for the log that says where it is reached */
  start(): Promise<string>;
  stop(): Promise<void>;
}
