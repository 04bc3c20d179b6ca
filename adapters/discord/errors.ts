/** Discord's refusals: what they mean to a user, and what the operator may read of them. */
import { DiscordAPIError, HTTPError, RateLimitError, RESTJSONErrorCodes } from 'discord.js';
import { DarkroomError } from '../../src/errors.ts';
import { type Sentence, sentence } from '../../src/sentences.ts';
import { PlatformError } from '../platform-error.ts';

/** Whether Discord answered that it will not do this, however often it is asked. */
export const isRefusal = (error: unknown): error is DiscordAPIError =>
  error instanceof DiscordAPIError && error.status < 500;

/** Discord's code of a refusal. */
export const codeOf = (error: unknown): string | number | undefined =>
  error instanceof DiscordAPIError ? error.code : undefined;

/** An error without what must not be logged: tokens in the address, and what was sent. */
export function reduceError(error: unknown): unknown {
  if (error instanceof DiscordAPIError) {
    const { code, status, method, url, rawError } = error;
    const fields = 'errors' in rawError ? fieldsOf(rawError.errors) : [];
    return new PlatformError('discord', { code, status, route: routeOf(method, url), fields });
  }
  if (error instanceof HTTPError) {
    return new PlatformError('discord', { status: error.status, route: routeOf(error.method, error.url) });
  }
  if (error instanceof RateLimitError) {
    return new PlatformError('discord', { status: 429, route: routeOf(error.method, error.url) });
  }
  return error;
}

/** The token of an interaction or webhook follows its id in the path. */
function routeOf(method: string, url: string): string {
  const { pathname } = URL.parse(url) ?? { pathname: '' };
  return `${method} ${pathname.replace(/\/(webhooks|interactions)\/(\d+)\/[^/]+/, '/$1/$2/:token')}`;
}

/** `components.0.label: BASE_TYPE_BAD_LENGTH`; Discord's own sentences may quote what was sent. */
function fieldsOf(errors: unknown, path: readonly string[] = []): string[] {
  if (typeof errors !== 'object' || errors === null) return [];
  return Object.entries(errors).flatMap(([key, value]: [string, unknown]) => {
    if (key !== '_errors') return fieldsOf(value, [...path, key]);
    const codes = (Array.isArray(value) ? value : []).map((one: { code?: unknown }) => String(one.code));
    return [`${path.join('.')}: ${codes.join(' ')}`];
  });
}

/** A refusal that means something to the commands as a DarkroomError; anything else reduced. */
export function explainError(error: unknown): unknown {
  if (!isRefusal(error) || error.status === 429) return reduceError(error);
  const refusal = (code: 'not_found' | 'forbidden', words: Sentence) =>
    new DarkroomError(code, words, { cause: reduceError(error) });
  switch (error.code) {
    case RESTJSONErrorCodes.UnknownMessage:
    case RESTJSONErrorCodes.UnknownChannel:
      return refusal('not_found', sentence('platform.job_message_deleted'));
    case RESTJSONErrorCodes.MissingPermissions:
      return refusal('forbidden', sentence('discord.may_not_post'));
    case RESTJSONErrorCodes.MissingAccess:
      return refusal('forbidden', sentence('discord.may_not_see'));
    case RESTJSONErrorCodes.ThreadLocked:
    case RESTJSONErrorCodes.InvalidActionOnArchivedThread:
      return refusal('forbidden', sentence('discord.thread_closed'));
    case RESTJSONErrorCodes.CannotSendMessagesToThisUser:
    case RESTJSONErrorCodes.CannotSendMessagesToThisUserDueToHavingNoMutualGuilds:
      return refusal('forbidden', sentence('discord.no_direct'));
    default:
      // Asking again would be refused again.
      return refusal('forbidden', sentence('discord.refused', { code: String(error.code) }));
  }
}

/** What is wrong with a login, for the operator: a wrong setting, or Discord cannot be reached now. */
export function loginProblem(error: unknown): DarkroomError {
  const cause = reduceError(error);
  const wrong = (why: string) => new DarkroomError('misconfigured', `Discord is off: ${why}`, { cause });
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'TokenInvalid' || (error instanceof DiscordAPIError && error.status === 401)) {
    return wrong('DISCORD_TOKEN is not valid. Copy it again from the Bot page of your application.');
  }
  if (error instanceof Error && /disallowed intent/i.test(error.message)) {
    return wrong('Discord does not grant an intent. Check the Bot page of your application.');
  }
  return new DarkroomError('internal', 'Discord cannot be reached.', { cause });
}
