/** /imagine: words become a picture; with a picture, the picture becomes another one. */
import { type Context, defineCommand } from './command.ts';
import { DRAFT_OPTIONS, type DraftValues, draftOf } from './draft.ts';

export const imagine = defineCommand({
  name: 'imagine',
  description: 'Draw what the words say.',
  options: {
    prompt: { type: 'text', description: 'What to draw.', example: 'a red mug on a table, watercolor' },
    ...DRAFT_OPTIONS,
    picture: { type: 'picture', description: 'A picture to start from: attach it, or reply to it.' },
  },
  examples: ['/imagine a red mug on a table, watercolor', '/imagine a blue boat --seed 3 --ar 3:2'],
  run: draw,
});

/** Orders a picture by words, from the picture that came with them where there is one. */
export async function draw(values: DraftValues, { invocation, reply, desk }: Context): Promise<void> {
  const model = await desk.ports.models.resolve(values.model);
  const source = await desk.findSource(invocation);
  const draft = draftOf(values, model.defaults, source);
  await desk.accept({ invocation, reply, model, draft, ...(source && { source }) });
}
