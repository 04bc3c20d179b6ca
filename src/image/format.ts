/** File formats of pictures by their first bytes, so that no decoder but the expected one ever sees a file. */
import { DarkroomError } from '../errors.ts';
import { type Sentence, sentence } from '../sentences.ts';

const FORMATS = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;
export type PictureFormat = (typeof FORMATS)[number];

/** The way out of every refusal of a file. */
export const SEND_ANOTHER = sentence('picture.send_another');

/** @throws DarkroomError('bad_picture') that says what the file is instead */
export function formatOf(bytes: Uint8Array): PictureFormat {
  if (bytes.length === 0)
    throw new DarkroomError('bad_picture', sentence('picture.empty', { another: SEND_ANOTHER }));
  const head = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (/^GIF8[79]a/.test(head)) return 'gif';
  if (/^RIFF[\s\S]{4}WEBP/.test(head)) return 'webp';
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) return 'tiff';
  // The major brand may be the container's (mif1); the list of brands follows it.
  if (head.startsWith('ftyp', 4) && /avi[fs]/.test(head.slice(8, 64))) return 'avif';
  throw new DarkroomError(
    'bad_picture',
    sentence('picture.refused', { what: describeOther(head), another: SEND_ANOTHER }),
  );
}

function describeOther(head: string): Sentence {
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart();
  if (/^(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg\b/i.test(text)) {
    return sentence('picture.is.svg');
  }
  if (text.startsWith('<')) return sentence('picture.is.web_page');
  if (text.startsWith('%PDF')) return sentence('picture.is.pdf');
  if (head.startsWith('ftyp', 4)) return sentence('picture.is.heic');
  if (/^BM[\s\S]{4}\0\0\0\0/.test(head)) return sentence('picture.is.bmp');
  if (head.startsWith('\0\0\x01\0')) return sentence('picture.is.icon');
  if (head.startsWith('PK\x03\x04')) return sentence('picture.is.zip');
  if (head.startsWith('8BPS')) return sentence('picture.is.photoshop');
  if (/^\xff\x0a|^\0\0\0\x0cJXL /.test(head)) return sentence('picture.is.jxl');
  return sentence('picture.is.other');
}
