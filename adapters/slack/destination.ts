/** Where the bot answers in Slack, and where an answer stands. */
import type { RespondFn } from '@slack/bolt';

export interface Destination {
  readonly channel: string;
  readonly thread?: string;
  /** Who asked, for answers that only they see; unknown after a restart. */
  readonly user?: string;
  /** Answers in private where the bot itself cannot post. */
  readonly respond?: RespondFn;
}

export interface Posted {
  readonly channel: string;
  readonly ts: string;
}
