/** /edit: image to image. The picture is attached, or is the one replied to. */
import { DarkroomError } from '../src/errors.ts';
import { type Context, defineCommand } from './command.ts';
import { DRAFT_OPTIONS, TYPED_OPTIONS } from './draft.ts';
import { type DrawPorts, draw } from './imagine.ts';

export const edit = defineCommand({
  name: 'edit',
  description: 'Turn a picture into another one: reply to it, or attach it.',
  options: {
    prompt: { type: 'text', description: 'What the picture should become.', example: 'the mug is blue' },
    ...DRAFT_OPTIONS,
    picture: { type: 'picture', description: 'The picture to start from: attach it, or reply to it.' },
    mask: { type: 'picture', description: 'White where the picture is redrawn.' },
    control_picture: { type: 'picture', description: 'A picture to take edges, a pose or lines from.' },
  },
  typed: TYPED_OPTIONS,
  examples: ['/edit a blue mug on a table --strength 0.6'],
  async run(values, context: Context<DrawPorts>) {
    const { attachments, repliedTo } = context.invocation;
    if (attachments.length === 0 && repliedTo === undefined) {
      throw new DarkroomError(
        'bad_request',
        'There is no picture to edit. Reply to a picture or attach one, and say what it should become.',
      );
    }
    await draw(values, context, 'edit');
  },
});
