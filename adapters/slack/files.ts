/** Pictures up to Slack and down from it. */
import type { webApi } from '@slack/bolt';
import { DarkroomError } from '../../src/errors.ts';
import type { Attachment } from '../adapter.ts';
import { fetchMedia, type MediaRules } from '../media.ts';
import type { SlackPicture } from './render.ts';

/** Slack's own hosts of files. */
export const MEDIA_HOSTS = ['files.slack.com', 'slack-files.com'];

/** A file as events and files.info tell of it. */
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
  client: webApi.WebClient,
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
  if (!response.ok) throw new Error(`Slack answered the upload with ${response.status}`);
  await client.files.completeUploadExternal({ files: [{ id: file_id, title: name }] });
  return { file: file_id, alt };
}

export async function downloadPicture(
  client: webApi.WebClient,
  file: SlackFile,
  rules: MediaRules,
): Promise<Attachment> {
  const isWhole = file.url_private !== undefined && file.file_access !== 'check_file_info';
  const { name, size, url_private_download, url_private } = isWhole
    ? file
    : await fileInfo(client, file.id ?? '');
  if (size !== undefined && size > rules.maxBytes) {
    const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
    throw new DarkroomError(
      'too_large',
      `${name ?? 'That picture'} has ${mb(size)} MB; the limit is ${mb(rules.maxBytes)} MB. Send a smaller one.`,
    );
  }
  const bytes = await fetchMedia(url_private_download ?? url_private ?? '', rules);
  return { name: name ?? 'picture', bytes };
}

async function fileInfo(client: webApi.WebClient, id: string): Promise<SlackFile> {
  try {
    const { file } = await client.files.info({ file: id });
    if (file !== undefined) return file;
    throw new Error('Slack knows no such file');
  } catch (cause) {
    throw new DarkroomError('not_found', 'That picture is not there any more. Attach it again.', { cause });
  }
}

/** The pictures that a message shows: its files, and the image blocks of a card of ours. */
export function filesOf(message: object): SlackFile[] {
  const { files: shared, blocks: shown }: { files?: unknown; blocks?: unknown } = message;
  const files = Array.isArray(shared) ? (shared as SlackFile[]) : [];
  const blocks = Array.isArray(shown) ? (shown as { type?: string; slack_file?: SlackFile }[]) : [];
  return [
    ...files.filter(({ mimetype }) => mimetype?.startsWith('image/') ?? true),
    ...blocks.flatMap(({ type, slack_file: file }) => (type === 'image' && file !== undefined ? [file] : [])),
  ];
}
