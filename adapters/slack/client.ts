/** Slack's Web API client, whose errors hold nothing of what was sent, and what its refusals mean. */
import { type Logger, LogLevel, webApi } from '@slack/bolt';
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import { PlatformError } from '../platform-error.ts';

/** Slack refused a call, or could not be reached. `code` is Slack's own word: `not_in_channel`. */
export class SlackCallError extends PlatformError {
  /** Seconds until the call may be tried again. */
  readonly retryAfter: number | undefined;
  /** Whether Slack understood the call and said no; otherwise it did not get that far. */
  readonly isAnswer: boolean;

  constructor(method: string, error: unknown) {
    const { data, code, statusCode, retryAfter } = error as {
      readonly data?: { readonly error?: string };
      readonly code?: string;
      readonly statusCode?: number;
      readonly retryAfter?: number;
    };
    super('slack', { route: method, code: data?.error ?? code, status: statusCode });
    this.retryAfter = retryAfter;
    this.isAnswer = data?.error !== undefined;
  }
}

export class SlackClient extends webApi.WebClient {
  override async apiCall(
    method: string,
    options?: Parameters<webApi.WebClient['apiCall']>[1],
  ): ReturnType<webApi.WebClient['apiCall']> {
    try {
      return await super.apiCall(method, options);
    } catch (error) {
      throw new SlackCallError(method, error);
    }
  }
}

/** The base as the client takes it. */
export const apiBase = (url: string) => url.replace(/\/*$/, '/');

/** Slack's own word for what went wrong; undefined for errors that are not Slack's answer. */
export const slackCode = (error: unknown): string | undefined =>
  error instanceof SlackCallError ? String(error.code) : undefined;

/** A refusal that means something to the commands as a DarkroomError. */
export function explainError(error: unknown): unknown {
  switch (slackCode(error)) {
    case 'message_not_found':
    case 'cant_update_message':
    case 'is_inactive':
      return new DarkroomError('not_found', sentence('platform.job_message_deleted'), { cause: error });
    case 'not_in_channel':
    case 'channel_not_found':
      return new DarkroomError('forbidden', sentence('slack.may_not_post'), { cause: error });
    case 'missing_scope':
      return new DarkroomError('forbidden', sentence('slack.no_scope'), { cause: error });
    case 'restricted_action':
    case 'restricted_action_read_only_channel':
    case 'restricted_action_thread_only_channel':
      return new DarkroomError('forbidden', sentence('slack.restricted'), { cause: error });
    case 'is_archived':
      return new DarkroomError('forbidden', sentence('slack.archived'), {
        cause: error,
      });
    default:
      return isForGood(error)
        ? new DarkroomError('forbidden', sentence('slack.refused', { code: String(error.code) }), {
            cause: error,
          })
        : error;
  }
}

/** Slack's codes of a trouble of its own, which passes; the others come again however often they are asked. */
const PASSING: readonly unknown[] = [
  'ratelimited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
];

const isForGood = (error: unknown): error is SlackCallError =>
  error instanceof SlackCallError && error.isAnswer && !PASSING.includes(error.code);

/** What is wrong with a start, for the operator: a wrong setting, or Slack cannot be reached now. */
export function startProblem(cause: unknown): DarkroomError {
  const wrong = (why: string) => new DarkroomError('misconfigured', `Slack is off: ${why}`, { cause });
  switch (slackCode(cause)) {
    case 'invalid_auth':
    case 'not_authed':
    case 'account_inactive':
    case 'token_revoked':
      return wrong(
        'a token is not valid. Copy SLACK_BOT_TOKEN and SLACK_APP_TOKEN again from the pages of your app.',
      );
    case 'missing_scope':
      return wrong(
        'a scope is missing. Create the app again from config/slack-manifest.yaml, or add its scopes and reinstall it.',
      );
    default:
      return new DarkroomError('internal', 'Slack cannot be reached.', { cause });
  }
}

/** Bolt's own log: its errors go to the operator, without addresses and tokens; the rest is noise. */
export function quietLogger(onError: (error: unknown) => void): Logger {
  const nothing = () => undefined;
  return {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (...words) => onError(reduceBoltError(words)),
    setLevel: nothing,
    getLevel: () => LogLevel.ERROR,
    setName: nothing,
  };
}

/** Bolt's errors may carry a request, an address that works like a password, or a token. */
export function reduceBoltError(error: unknown): Error {
  if (error instanceof PlatformError || error instanceof DarkroomError) return error;
  const words = Array.isArray(error) ? error : [error];
  const text = words.map((word) => (word instanceof Error ? word.message : String(word))).join(' ');
  const reduced = text
    .replaceAll(/\b(?:wss?|https?):\/\/\S+/g, '<address>')
    .replaceAll(/\bx(?:ox[a-z]|app)-[\w-]+/g, '<token>');
  return new PlatformError('slack', { code: reduced });
}
