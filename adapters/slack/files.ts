/** Pictures uploaded to Slack, and attachments that are fetched from it when they are read. */
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import type { Attachment } from '../adapter.ts';
import type { AnnouncedFile, Downloads } from '../downloads.ts';
import { PlatformError } from '../platform-error.ts';
import type { SlackClient } from './client.ts';
import type { SlackPicture } from './render.ts';

/** Slack's own hosts of files. */
export const MEDIA_HOSTS = ['files.slack.com', 'slack-files.com'];

/** A file as events and files.info describe it. */
export interface SlackFile {
  readonly id?: string;
  readonly name?: string | null;
  readonly mimetype?: string;
  readonly size?: number;
  readonly url_private_download?: string;
  readonly url_private?: string;
  /** `check_file_info` in channels shared with another workspace: the rest must be asked for. */
  readonly file_access?: string;
}

/** Uploads a picture without posting it; an image block shows it. */
export async function uploadPicture(
  client: SlackClient,
  { bytes, name, alt }: { bytes: Uint8Array; name: string; alt: string },
): Promise<SlackPicture> {
  const { upload_url, file_id } = await client.files.getUploadURLExternal({
    filename: name,
    length: bytes.length,
    alt_text: alt,
  });
  if (upload_url === undefined || file_id === undefined)
    throw new Error('Slack gave no address to upload to');
  const response = await fetch(upload_url, { method: 'POST', body: new Uint8Array(bytes) });
  await response.body?.cancel();
  if (!response.ok) throw new PlatformError('slack', { route: 'upload', status: response.status });
  await client.files.completeUploadExternal({ files: [{ id: file_id, title: name }] });
  return { file: file_id, alt };
}

export function attachmentOf(
  file: SlackFile,
  client: SlackClient,
  downloads: Downloads,
  option?: string,
): Attachment {
  return downloads.attachmentOf(file.name ?? 'picture', () => locate(file, client), option);
}

async function locate(file: SlackFile, client: SlackClient): Promise<AnnouncedFile> {
  const isWhole = file.url_private !== undefined && file.file_access !== 'check_file_info';
  const { name, size, url_private_download, url_private } = isWhole
    ? file
    : await fileInfo(client, file.id ?? '');
  return { name: name ?? 'That picture', size, url: url_private_download ?? url_private ?? '' };
}

async function fileInfo(client: SlackClient, id: string): Promise<SlackFile> {
  try {
    const { file } = await client.files.info({ file: id });
    if (file !== undefined) return file;
    throw new Error('Slack has no such file');
  } catch (cause) {
    throw new DarkroomError('not_found', sentence('media.gone'), { cause });
  }
}

/** The files that were shared with a message. */
function sharedFiles(message: object): SlackFile[] {
  const { files: shared }: { files?: unknown } = message;
  return Array.isArray(shared) ? (shared as SlackFile[]) : [];
}

/** Slack calls a file of keypoints text. */
const isPicture = ({ mimetype, name }: SlackFile) =>
  (mimetype?.startsWith('image/') ?? true) || /\.(?:json|hei[cf])$/i.test(name ?? '');

/** Names of a message's files that are no pictures. */
export const otherFilesOf = (message: object): string[] =>
  sharedFiles(message).flatMap((file) => (isPicture(file) ? [] : (file.name ?? 'a file')));

interface Block {
  readonly type?: string;
  readonly slack_file?: SlackFile;
  readonly elements?: readonly { readonly type?: string; readonly action_id?: string }[];
}

function blocksOf(message: object): readonly Block[] {
  const { blocks }: { blocks?: unknown } = message;
  return Array.isArray(blocks) ? (blocks as Block[]) : [];
}

/** Ids of the buttons of a message. */
export const buttonsOf = (message: object): string[] =>
  blocksOf(message).flatMap(({ type, elements = [] }) =>
    type === 'actions' ? elements.flatMap((one) => (one.type === 'button' ? (one.action_id ?? []) : [])) : [],
  );

/** The pictures that a message shows: its files, the image blocks of a card of ours, those of a message that it shares. */
export function filesOf(message: object): SlackFile[] {
  const { attachments }: { attachments?: unknown } = message;
  const shared = Array.isArray(attachments) ? (attachments as object[]) : [];
  return [
    ...sharedFiles(message).filter(isPicture),
    ...blocksOf(message).flatMap(({ type, slack_file: file }) =>
      type === 'image' && file !== undefined ? [file] : [],
    ),
    ...shared.flatMap((one) => sharedFiles(one).filter(isPicture)),
  ];
}
