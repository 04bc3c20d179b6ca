/** Wildcards: lists of words that prompts call as `__name__`. Admins keep their own beside the operator's files. */
import { type ListSource, linesOf } from '../src/choices/choices.ts';
import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
import type { SettingsStore } from '../src/settings/store.ts';

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}/-]*(?:_[\p{L}\p{N}/-]+)*$/u;
const MOST_NAME = 40;
/** Characters of a list that is kept in chat. */
const MOST_CHARACTERS = 10_000;

/** @throws DarkroomError('bad_request') */
export function wildcardName(typed: string): string {
  const name = typed
    .trim()
    .toLowerCase()
    .replaceAll(/^__|__$/g, '');
  if (NAME.test(name) && name.length <= MOST_NAME) return name;
  throw new DarkroomError(
    'bad_request',
    sentence('wildcard.bad_name', { name: typed, limit: String(MOST_NAME) }),
  );
}

/** @returns one choice a line, as they are stored. @param typed between lines, bars or commas */
export function writeWildcard(typed: string): string {
  const separator = typed.includes('\n') ? '\n' : typed.includes('|') ? '|' : ',';
  const lines = linesOf(typed.split(separator).join('\n'));
  if (lines.length === 0) throw new DarkroomError('bad_request', sentence('wildcard.empty'));
  const text = lines.join('\n');
  if (text.length > MOST_CHARACTERS) {
    throw new DarkroomError(
      'bad_request',
      sentence('wildcard.too_long', { count: text.length, limit: MOST_CHARACTERS }),
    );
  }
  return text;
}

/** The lists of a tenant. */
export const wildcardsOf =
  (settings: Pick<SettingsStore, 'wildcards'>, tenant: string): ListSource =>
  async () => {
    const texts = await settings.wildcards(tenant);
    return new Map(Array.from(texts, ([name, text]) => [name, async () => linesOf(text)] as const));
  };
