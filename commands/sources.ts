/** Pictures that a request starts from, opened and checked: attachments, pictures replied to, stored pictures. */
import type { Attachment, Invocation } from '../adapters/adapter.ts';
import { DarkroomError } from '../src/errors.ts';
import { sentence, type Words } from '../src/sentences.ts';
import type { Ports, UnturnedPicture } from './ports.ts';

/** What a request refers to its pictures by. */
export type PictureRole = 'source' | 'mask' | 'control' | (typeof REFERENCES)[number];

/** Pictures beside the source that a model edits from, in their order. */
export const REFERENCES = ['reference_2', 'reference_3', 'reference_4'] as const;

export interface Source {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** A picture of the store, which belongs to another job; or an upload by its name, which the new job will own. */
  readonly from: { readonly id: string } | { readonly name: string };
  readonly notes: readonly Words[];
  /** The transparent part of an upload, where there is one. */
  readonly transparency?: { readonly share: number; readonly mask: Uint8Array };
  /** Set where an upload was turned upright. */
  readonly unturned?: UnturnedPicture;
  /** Of an upload: what tells whether it is a copy of a picture that was made here. */
  readonly key?: string;
  /** What an upload said about how it was made. */
  readonly texts?: ReadonlyMap<string, string>;
}

export type SourcePorts = Pick<Ports, 'pictures' | 'readUpload' | 'sizeOf'>;

/** @throws DarkroomError('bad_picture' | 'too_large' | 'too_many'), and what Attachment.read() throws */
export async function openAttachment(
  attachment: Attachment,
  { readUpload }: SourcePorts,
  role: PictureRole = 'source',
  turned?: UnturnedPicture,
): Promise<Source> {
  const use = role === 'mask' || role === 'control' ? role : 'picture';
  const upload = await readUpload(await attachment.read(), use, role === 'mask' ? turned : undefined);
  return { ...upload, from: { name: attachment.name } };
}

/**
 * The picture of the message that was replied to; undefined where none was.
 * @throws DarkroomError('bad_request') for a reply to a message without a picture
 */
export async function openReplied(
  { repliedTo, attachments }: Invocation,
  ports: SourcePorts,
): Promise<Source | undefined> {
  if (repliedTo === undefined) return undefined;
  const [id] = repliedTo.pictureIds;
  const own = repliedTo.attachments ?? [];
  if (id === undefined && own.length > 0) {
    const opened = await openAttachment(own[0]!, ports);
    return own.length === 1 ? opened : { ...opened, notes: [...opened.notes, firstOf(own.length)] };
  }
  if (id === undefined) {
    // Words in a thread, with pictures of their own.
    if (attachments.length > 0) return undefined;
    throw new DarkroomError('bad_request', sentence('draw.reply_without_picture'));
  }
  const count = repliedTo.pictureIds.length;
  return openPicture(id, ports, count > 1 ? [firstOf(count)] : []);
}

const firstOf = (count: number) => sentence('draw.first_of', { count });

/** @throws DarkroomError('not_found') for a picture that was deleted */
export async function openPicture(
  id: string,
  { pictures, sizeOf }: SourcePorts,
  notes: readonly Words[] = [],
): Promise<Source> {
  const bytes = await pictures.get(id);
  if (bytes === undefined) {
    throw new DarkroomError('not_found', sentence('draw.source_deleted'));
  }
  return { bytes, ...sizeOf(bytes), from: { id }, notes };
}
