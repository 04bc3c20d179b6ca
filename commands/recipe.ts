/** /recipe: what made a picture, out of the stored request or out of the PNG's own text. */
import type { Card, CardField } from '../adapters/card.ts';
import { DarkroomError } from '../src/errors.ts';
import { parseDraft, type RequestDraft, requestToJson } from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { commandLine, shortName } from './cards.ts';
import { type Context, defineCommand } from './command.ts';

export const recipe = defineCommand({
  name: 'recipe',
  description: 'Show what made a picture: reply to it, or attach it.',
  options: {
    picture: { type: 'picture', description: 'The picture: attach it, or reply to it.' },
  },
  examples: ['/recipe'],
  async run(_values, { invocation, reply, desk }) {
    const { attachments, repliedTo } = invocation;
    if (attachments.length === 0 && repliedTo === undefined) {
      throw new DarkroomError('bad_request', 'Whose recipe? Reply to a picture with /recipe, or attach one.');
    }
    const known = repliedTo?.pictureIds[0] && (await desk.jobOfPicture(repliedTo.pictureIds[0]));
    if (attachments.length === 0 && known) return reply.postEphemeral(recipeCard(known));
    const [attachment] = attachments;
    const picture =
      attachment === undefined ? await desk.openReplied(invocation) : await desk.openAttachment(attachment);
    return reply.postEphemeral(textCard(picture!.texts ?? desk.ports.readPictureText(picture!.bytes)));
  },
});

/** The recipe of a job that is known here. */
export const recipeCard = ({ request }: JobRecord): Card =>
  draftCard('What made this picture:', requestToJson(request));

function textCard(texts: ReadonlyMap<string, string>): Card {
  const text = 'What made this picture, as the file says:';
  const draft = readDraft(texts.get('darkroom'));
  if (draft !== undefined) return draftCard(text, draft);
  const parameters = texts.get('parameters');
  if (parameters !== undefined) return { text, fields: [{ name: 'Parameters', value: parameters }] };
  throw new DarkroomError(
    'not_found',
    'This picture carries no recipe. Pictures that were saved again by other programs often lose it.',
  );
}

function draftCard(text: string, draft: RequestDraft): Card {
  return {
    text,
    fields: [...fieldsOf(draft), { name: 'Command', value: commandLine(draft) }],
    ...(draft.image !== undefined && {
      notes: ['It starts from another picture: send the command as a reply to that one.'],
    }),
  };
}

/** The `darkroom` text: JSON with the frozen request. A text that others have written may hold anything. */
function readDraft(text: string | undefined): RequestDraft | undefined {
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    const request = typeof json === 'object' && json !== null && 'request' in json ? json.request : json;
    return parseDraft(request);
  } catch {
    return undefined;
  }
}

function fieldsOf(draft: RequestDraft): CardField[] {
  const named: readonly (readonly [string, unknown])[] = [
    ['Prompt', draft.prompt],
    ['Negative prompt', draft.negative_prompt || undefined],
    ['Model', draft.model === undefined ? undefined : shortName(draft.model)],
    ['Seed', draft.seed],
    ['Steps', draft.num_inference_steps],
    ['Guidance', draft.guidance_scale],
    ['Sampler', draft.sampler],
    ['Schedule', draft.schedule],
    ['Size', draft.width === undefined ? undefined : `${draft.width}x${draft.height}`],
    ['Strength', draft.strength],
  ];
  return named.flatMap(([name, value]) => (value === undefined ? [] : { name, value: String(value) }));
}

/** The button under a picture. */
export const showRecipe = (record: JobRecord, { reply }: Context) => reply.postEphemeral(recipeCard(record));
