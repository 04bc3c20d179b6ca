/** /edit: image to image. The picture is attached, or is the one replied to. */
import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
import { type Context, defineCommand } from './command.ts';
import { DRAFT_OPTIONS, TYPED_OPTIONS } from './draft.ts';
import { type DrawPorts, draw } from './imagine.ts';

export const edit = defineCommand({
  name: 'edit',
  description: 'describe.edit',
  options: {
    prompt: { type: 'text', description: 'describe.edit.prompt', example: 'the mug is blue' },
    ...DRAFT_OPTIONS,
    picture: { type: 'picture', description: 'describe.edit.picture' },
    mask: { type: 'picture', description: 'describe.edit.mask' },
    control_picture: { type: 'picture', description: 'describe.imagine.control_picture' },
  },
  typed: TYPED_OPTIONS,
  examples: ['/edit a blue mug on a table --strength 0.6'],
  async run(values, context: Context<DrawPorts>) {
    const { attachments, repliedTo } = context.invocation;
    if (attachments.length === 0 && repliedTo === undefined) {
      throw new DarkroomError('bad_request', sentence('draw.nothing_to_edit'));
    }
    await draw(values, context, 'edit');
  },
});
