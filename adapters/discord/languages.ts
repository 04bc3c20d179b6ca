/**
 * The language of whoever writes a message: Discord tells it with interactions only. It is what their last command or
 * button came with, or what the message is written in, or that of the server.
 */
import type { Interaction, Message } from 'discord.js';
import { Lru } from '../../src/lru.ts';

/** People whose language is remembered. */
const REMEMBERED = 10_000;
const HANGUL = /\p{Script=Hangul}/u;

export class Languages {
  readonly #known = new Lru<string>({ limit: REMEMBERED });

  learn({ user, locale }: Interaction): void {
    this.#known.set(user.id, locale);
  }

  of({ author, content, guild }: Message): string | undefined {
    return this.#known.get(author.id) ?? (HANGUL.test(content) ? 'ko' : guild?.preferredLocale);
  }
}
