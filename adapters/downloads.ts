/** Attachments that a platform holds, fetched when a command reads them and only some at a time. */
import PQueue from 'p-queue';
import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
import type { Attachment } from './adapter.ts';
import { fetchMedia, isAllowed, type MediaRules } from './media.ts';

/** Downloads at once: each may hold as many bytes as a picture may have. */
const AT_ONCE = 4;

const ADDRESS = /<?(https?:\/\/[^\s<>]+)>?/g;
/** Pictures that are fetched for their addresses in one text. */
const MOST_PASTED = 3;

/** A file as the platform announces it. */
export interface AnnouncedFile {
  readonly name: string;
  readonly url: string;
  /** In bytes. */
  readonly size?: number | undefined;
}

export class Downloads {
  readonly #rules: MediaRules;
  readonly #queue = new PQueue({ concurrency: AT_ONCE });

  constructor(rules: MediaRules) {
    this.#rules = rules;
  }

  attachment(file: AnnouncedFile, option?: string): Attachment {
    return this.attachmentOf(file.name, async () => file, option);
  }

  /** @param locate asks the platform for the file, where a message does not describe it fully */
  attachmentOf(name: string, locate: () => Promise<AnnouncedFile>, option?: string): Attachment {
    return {
      name,
      ...(option !== undefined && { option }),
      read: () => this.#queue.add(async () => this.#fetch(await locate())),
    };
  }

  /** The pictures whose addresses were pasted among words, where they are the platform's own; the others stay. */
  pasted(text: string): { readonly text: string; readonly attachments: readonly Attachment[] } {
    const attachments: Attachment[] = [];
    const rest = text.replaceAll(ADDRESS, (whole, url: string) => {
      if (attachments.length === MOST_PASTED || !isAllowed(url, this.#rules)) return whole;
      const name = URL.parse(url)?.pathname.split('/').at(-1) || 'picture';
      attachments.push(this.attachment({ name, url }));
      return ' ';
    });
    return attachments.length === 0 ? { text, attachments } : { text: rest.trim(), attachments };
  }

  async #fetch({ name, url, size }: AnnouncedFile): Promise<Uint8Array> {
    const { maxBytes } = this.#rules;
    if (size !== undefined && size > maxBytes) {
      const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
      throw new DarkroomError(
        'too_large',
        sentence('media.file_too_large', { name, size: mb(size), limit: mb(maxBytes) }),
      );
    }
    return fetchMedia(url, this.#rules);
  }
}
