/** /imagine: words become a picture; with a picture, the picture becomes another one. */
import { type Context, defineCommand } from './command.ts';
import { DRAFT_OPTIONS, type DraftValues, draftOf, TYPED_OPTIONS } from './draft.ts';
import { draftOfPictures, findPictures } from './pictures.ts';
import { Policy, tenantOf } from './policy.ts';
import { allStyles, applyStyle } from './styles.ts';

export const imagine = defineCommand({
  name: 'imagine',
  description: 'Draw what the words say.',
  options: {
    prompt: { type: 'text', description: 'What to draw.', example: 'a red mug on a table, watercolor' },
    ...DRAFT_OPTIONS,
    picture: { type: 'picture', description: 'A picture to start from: attach it, or reply to it.' },
    mask: { type: 'picture', description: 'With a picture: white where it is redrawn.' },
    control_picture: { type: 'picture', description: 'A picture to take edges, a pose or lines from.' },
  },
  typed: TYPED_OPTIONS,
  examples: ['/imagine a red mug on a table, watercolor', '/imagine a blue boat --seed 3 --ar 3:2'],
  run: draw,
});

/** Orders a picture by words, from the picture that came with them where there is one. */
export async function draw(values: DraftValues, { invocation, reply, desk }: Context): Promise<void> {
  const { settings, models } = desk.ports;
  const policy = await Policy.of(invocation, desk.ports);
  policy.requireEntry();
  const model = await models.resolve(values.model ?? policy.text('default_model'));
  const pictures = await findPictures(invocation, values, desk);
  const draft = policy.fill({
    ...draftOfPictures(pictures, values, model),
    // What the line says of its pictures lies over what their presence means.
    ...draftOf(values, model.defaults, pictures.source),
  });
  const style = values.style ?? policy.text('default_style');
  const styles = allStyles(await settings.styles(tenantOf(invocation)));
  const styled = style === undefined ? draft : applyStyle(draft, style, styles);
  await desk.accept({ invocation, reply, model, draft: styled, pictures });
}
