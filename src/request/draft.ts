/** Checks what somebody asks for, before defaults: each field by itself. What depends on others is freezeRequest's. */
import { z } from 'zod';
import { DarkroomError, offer } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { controlShape } from './controls.ts';
import { type RequestDraft, ROWS } from './fields.ts';
import { hiresShape } from './hires.ts';
import { loraShape } from './loras.ts';
import { outpaintShape } from './outpaint.ts';
import { wordsOfIssue } from './schemas.ts';
import { upscaleImageShape } from './upscale-image.ts';

const draftShape: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  ROWS.map(([, { name, schema }]) => [name, name === 'prompt' ? schema : schema.optional()]),
);
const draftSchema = z.strictObject(draftShape);

/** What the fields that are objects hold. */
const SHAPES = new Map<unknown, Readonly<Record<string, z.ZodType>>>([
  ['controls', controlShape],
  ['hires', hiresShape],
  ['loras', loraShape],
  ['outpaint', outpaintShape],
  ['upscale_image', upscaleImageShape],
]);

/** Checks the fields of a draft one by one, without a model. Throws DarkroomError('bad_request'). */
export function parseDraft(input: unknown): RequestDraft {
  const parsed = draftSchema.safeParse(input);
  if (parsed.success) return parsed.data as unknown as RequestDraft;
  const issue = parsed.error.issues[0]!;
  if (issue.code !== 'unrecognized_keys') throw new DarkroomError('bad_request', wordsOfIssue(issue));
  const key = issue.keys[0]!;
  const within = issue.path[0];
  const shape = SHAPES.get(within) ?? draftShape;
  const args = { field: key, offer: offer(key, Object.keys(shape)) };
  throw new DarkroomError(
    'bad_request',
    within === undefined
      ? sentence('field.unknown', args)
      : sentence('field.unknown_within', { ...args, within: String(within) }),
  );
}
