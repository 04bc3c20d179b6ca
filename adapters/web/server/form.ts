/** What the calls of the web chat are sent: the fields and files of a message, and the JSON of an action. */
import type { Context } from 'hono';
import { DarkroomError } from '../../../src/errors.ts';
import { isRecord } from '../../../src/json.ts';
import type { Attachment } from '../../adapter.ts';
import type { WebLimits } from './limits.ts';

export interface MessageForm {
  readonly text: string;
  readonly replyTo?: string;
  readonly attachments: readonly Attachment[];
}

export async function readMessageForm(c: Context, limits: WebLimits): Promise<MessageForm> {
  const form = await c.req.formData().catch((cause) => {
    if (cause instanceof Error && cause.name === 'BodyLimitError') throw cause;
    throw new DarkroomError('bad_request', 'Send a message as multipart/form-data with the field text.', {
      cause,
    });
  });
  const text = form.get('text') ?? '';
  const replyTo = form.get('reply_to') ?? '';
  if (typeof text !== 'string' || typeof replyTo !== 'string') {
    throw new DarkroomError(
      'bad_request',
      'The fields text and reply_to hold text; pictures belong in files[].',
    );
  }
  if (text.length > limits.textCharacters) {
    throw new DarkroomError(
      'too_large',
      `The message has ${text.length} characters; at most ${limits.textCharacters} are allowed. Shorten it.`,
    );
  }
  const files = [...form.getAll('files[]'), ...form.getAll('files')].filter((file) => file instanceof File);
  if (files.length > limits.files) {
    throw new DarkroomError(
      'too_large',
      `You attached ${files.length} files; at most ${limits.files} are allowed. Send fewer.`,
    );
  }
  const attachments: Attachment[] = await Promise.all(
    files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
  );
  return { text, attachments, ...(replyTo !== '' && { replyTo }) };
}

export function readAction(body: unknown): {
  message: string;
  action: string;
  values: Record<string, unknown>;
} {
  const { message, action, values = {} } = isRecord(body) ? body : {};
  if (typeof message !== 'string' || typeof action !== 'string' || !isRecord(values)) {
    throw new DarkroomError(
      'bad_request',
      'Send an action as JSON with message, action and, for a form, values.',
    );
  }
  return { message, action, values };
}
