/** Pictures uploaded to Slack, and attachments that are fetched from it when they are read. */
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import type { Attachment } from '../adapter.ts';
import type { CardFile } from '../card.ts';
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
  /** Who uploaded it, and where it was shared. */
  readonly user?: string;
  readonly is_public?: boolean;
  readonly channels?: readonly string[];
  readonly groups?: readonly string[];
  readonly ims?: readonly string[];
}

/** Uploads a picture without posting it; an image block shows it. */
export async function uploadPicture(
  client: SlackClient,
  { bytes, name, alt }: { bytes: Uint8Array; name: string; alt: string },
): Promise<SlackPicture> {
  const file = await upload(client, { bytes, name, alt_text: alt });
  await client.files.completeUploadExternal({ files: [{ id: file, title: name }] });
  return { file, alt };
}

/** Uploads a file and posts it. */
export async function shareFile(
  client: SlackClient,
  { bytes, name }: CardFile,
  channel: string,
): Promise<void> {
  const id = await upload(client, { bytes, name });
  await client.files.completeUploadExternal({ files: [{ id, title: name }], channel_id: channel });
}

/** @returns the file's id */
async function upload(
  client: SlackClient,
  { bytes, name, ...more }: { bytes: Uint8Array; name: string; alt_text?: string },
): Promise<string> {
  const { upload_url, file_id } = await client.files.getUploadURLExternal({
    ...{ filename: name, length: bytes.length },
    ...more,
  });
  if (upload_url === undefined || file_id === undefined)
    throw new Error('Slack gave no address to upload to');
  const response = await fetch(upload_url, { method: 'POST', body: new Uint8Array(bytes) });
  await response.body?.cancel();
  if (!response.ok) throw new PlatformError('slack', { route: 'upload', status: response.status });
  return file_id;
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
  return announced(isWhole ? file : await fileInfo(client, file.id ?? ''));
}

const announced = ({ name, size, url_private_download, url_private }: SlackFile): AnnouncedFile => ({
  name: name ?? 'That picture',
  size,
  url: url_private_download ?? url_private ?? '',
});

/** Files whose addresses are looked up in one text. */
const MOST_PASTED = 3;
const ADDRESS = /<?(https:\/\/[^\s<>|]+)(?:\|[^\s<>]*)?>?/g;
/** A file's page, `/files/USER/FILE/name.png`, and its bytes, `/files-pri/TEAM-FILE/name.png`. */
const PAGE = /^\/files\/\w+\/(F\w+)(?:\/|$)/;
const BYTES = /^\/files-(?:pri|tmb)\/(\w+?)-(F[A-Z0-9]+)[-/]/;

/**
 * The files of this workspace whose addresses were pasted among words; other addresses stay. Only their ids are used: the
 * address itself is never asked.
 * @param home of the workspace: its id, and the host of its pages
 */
export function pastedFiles(
  text: string,
  home: { readonly team: string; readonly host: string },
): { readonly text: string; readonly files: readonly Required<Pick<SlackFile, 'id' | 'name'>>[] } {
  const files: Required<Pick<SlackFile, 'id' | 'name'>>[] = [];
  const rest = text.replaceAll(ADDRESS, (whole, address: string) => {
    const url = URL.parse(address);
    if (url === null || files.length === MOST_PASTED) return whole;
    const [, ofPage] = url.host === home.host ? (PAGE.exec(url.pathname) ?? []) : [];
    const [, team, ofBytes] = MEDIA_HOSTS.includes(url.host) ? (BYTES.exec(url.pathname) ?? []) : [];
    const id = ofPage ?? (team === home.team ? ofBytes : undefined);
    if (id === undefined) return whole;
    files.push({ id, name: url.pathname.split('/').at(-1) || 'picture' });
    return ' ';
  });
  return files.length === 0 ? { text, files } : { text: rest.trim(), files };
}

/**
 * A file that somebody named by its address, and not with it in a message: it is read where they can see it themselves.
 * @throws DarkroomError('not_found') alike for one that is gone and one that they cannot see
 */
export function attachmentFor(
  reader: { readonly user: string; readonly channel: string; isGuest(): Promise<boolean> },
  { id, name }: Required<Pick<SlackFile, 'id' | 'name'>>,
  client: SlackClient,
  downloads: Downloads,
): Attachment {
  return downloads.attachmentOf(name ?? 'picture', async () => {
    const file = await fileInfo(client, id);
    const shared = [...(file.channels ?? []), ...(file.groups ?? []), ...(file.ims ?? [])];
    const isTheirs = file.user === reader.user || shared.includes(reader.channel);
    if (!isTheirs && (file.is_public !== true || (await reader.isGuest())))
      throw new DarkroomError('not_found', sentence('slack.file_not_seen'));
    return announced(file);
  });
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
