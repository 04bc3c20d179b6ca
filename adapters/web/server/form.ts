/** What the calls of the web chat are sent: the fields and files of a message, and the JSON of an action. */
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { DarkroomError } from '../../../src/errors.ts';
import { isRecord } from '../../../src/json.ts';
import { sentence } from '../../../src/sentences.ts';
import type { Attachment } from '../../adapter.ts';
import { type BodyLimits, boundedBody, requireLength } from './body.ts';
import { HttpRefusal } from './refusal.ts';
import { UploadedFiles } from './uploaded-files.ts';

export interface MessageForm {
  readonly text: string;
  readonly replyTo?: string;
  /** Number of the picture of that message that is meant. */
  readonly replyPicture?: number;
  /** Their bytes can be read until the form is disposed of. */
  readonly attachments: readonly Attachment[];
  [Symbol.asyncDispose](): Promise<void>;
}

interface FormLimits extends BodyLimits {
  readonly textCharacters: number;
  readonly files: number;
}

const FIELDS = ['text', 'reply_to'] as const;
const REPLY = /^(.*?)(?:-(\d{1,2}))?$/s;
const FILES = ['files[]', 'files'];
/** The only content type of a message; anything else is refused before a byte of it is read. */
const CONTENT_TYPE = /^multipart\/form-data\s*;.*\bboundary=/i;
const MAX_NAME_CHARACTERS = 200;

/**
 * Reads a message. Its files go to the disk while they arrive, and stay there until somebody reads them: an
 * unfinished or refused upload holds no memory.
 * @param onBytes called with the size of each part of the body; what it throws ends the upload
 * @throws DarkroomError('bad_request' | 'too_large')
 */
export async function readMessageForm(
  request: IncomingMessage,
  limits: FormLimits,
  onBytes?: (count: number) => void,
): Promise<MessageForm> {
  const type = request.headers['content-type'] ?? '';
  if (!CONTENT_TYPE.test(type)) {
    throw new HttpRefusal(
      415,
      'bad_request',
      `Send a message as multipart/form-data with the field text, not as ${type.slice(0, 60) || 'a body without a content type'}.`,
    );
  }
  requireLength(request, limits.bytes);
  const files = new UploadedFiles();
  try {
    const fields = await parse(request, files, limits, onBytes);
    const text = fields.get('text') ?? '';
    requireText(text, limits.textCharacters);
    // As in links: ID, or ID-2 for its second picture.
    const [, replyTo = '', number] = REPLY.exec(fields.get('reply_to') ?? '') ?? [];
    return {
      text,
      attachments: files.attachments,
      ...(replyTo !== '' && { replyTo }),
      ...(number !== undefined && { replyPicture: Number(number) }),
      [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
    };
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

async function parse(
  request: IncomingMessage,
  files: UploadedFiles,
  limits: FormLimits,
  onBytes: ((count: number) => void) | undefined,
): Promise<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  const parser = openParser(request, limits);
  const refuse = (message: string) => parser.destroy(new DarkroomError('bad_request', message));

  parser.on('field', (name, value, _nameTruncated, valueTruncated) => {
    if (!isField(name))
      refuse(`A message has no field ${shown(name)}. Its fields are text, reply_to and files[].`);
    else if (fields.has(name)) refuse(`The field ${name} was sent twice. Send it once.`);
    else if (valueTruncated) parser.destroy(tooLong(name, limits));
    fields.set(name, value);
  });
  parser.on('file', (name, stream, fileName) => {
    if (!FILES.includes(name)) refuse('The fields text and reply_to hold text; pictures belong in files[].');
    files.add(plainName(fileName), stream);
  });
  parser.on('filesLimit', () =>
    parser.destroy(new DarkroomError('too_large', sentence('web.too_many_files', { limit: limits.files }))),
  );
  for (const event of ['fieldsLimit', 'partsLimit'] as const) {
    parser.on(event, () =>
      refuse('The form has too many fields. Its fields are text, reply_to and files[].'),
    );
  }
  try {
    await pipeline(boundedBody(request, limits, onBytes), parser);
    await files.written();
  } catch (cause) {
    if (cause instanceof DarkroomError) throw cause;
    throw new DarkroomError('bad_request', sentence('web.form_damaged'), { cause });
  }
  return fields;
}

function openParser({ headers }: IncomingMessage, { files, textCharacters }: FormLimits) {
  try {
    return new Busboy({
      headers: headers as BusboyHeaders,
      limits: {
        files,
        fields: FIELDS.length,
        parts: FIELDS.length + files,
        fieldNameSize: 100,
        // A character has up to four bytes; one more, so that the longest text is not cut.
        fieldSize: textCharacters * 4 + 1,
        headerPairs: 20,
        headerSize: 8 * 1024,
      },
    });
  } catch (cause) {
    throw new DarkroomError(
      'bad_request',
      'The form has no usable boundary. Send it as multipart/form-data.',
      {
        cause,
      },
    );
  }
}

const isField = (name: string): name is (typeof FIELDS)[number] =>
  (FIELDS as readonly string[]).includes(name);
const shown = (name: string) => JSON.stringify(name.slice(0, 40));

/** Without control characters, which no database takes and no page shows. */
const plainName = (name: string | undefined) =>
  (name ?? '').replaceAll(/[\0-\x1f\x7f]/g, '').slice(0, MAX_NAME_CHARACTERS) || 'picture';

function tooLong(name: string, { textCharacters }: FormLimits): DarkroomError {
  return new DarkroomError(
    'too_large',
    name === 'text'
      ? sentence('web.text_too_long', { limit: textCharacters })
      : `The field ${name} is too long; it is the id of a message.`,
  );
}

/** @throws DarkroomError('bad_request' | 'too_large') for text that cannot be stored */
function requireText(text: string, most: number): void {
  if (text.length > most) {
    throw new DarkroomError('too_large', sentence('web.text_too_long', { limit: most }));
  }
  if (!isStorable(text)) {
    throw new DarkroomError('bad_request', 'The message contains a NUL character (U+0000). Remove it.');
  }
}

/** PostgreSQL stores neither NUL nor half of a surrogate pair. */
const isStorable = (text: string) => !text.includes('\0') && text.isWellFormed();

type ActionValues = Record<string, string | number | boolean | null>;

interface ActionForm {
  readonly message: string;
  readonly action: string;
  readonly values: ActionValues;
}

/** @throws DarkroomError('bad_request') */
export function readAction(body: Buffer): ActionForm {
  const { message, action, values = {} } = parseObject(body);
  if (typeof message !== 'string' || typeof action !== 'string' || !isRecord(values)) {
    throw new DarkroomError(
      'bad_request',
      'Send an action as JSON with message, action and, for a form, values.',
    );
  }
  for (const [name, value] of Object.entries(values)) {
    const isScalar = value === null || ['string', 'number', 'boolean'].includes(typeof value);
    if (!isScalar || !isStorable(`${name}${typeof value === 'string' ? value : ''}`)) {
      throw new DarkroomError(
        'bad_request',
        `The value ${shown(name)} cannot be used: values are text without NUL characters, numbers or booleans.`,
      );
    }
  }
  return { message, action, values: values as ActionValues };
}

function parseObject(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isRecord(value)) return value;
  } catch {
    // Refused by the caller, like any other body that is not such an object.
  }
  return {};
}
