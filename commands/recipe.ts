/** /recipe: what made a picture, out of the stored request or out of the PNG's own text. */
import type { Invocation } from '../adapters/adapter.ts';
import type { Card, CardField } from '../adapters/card.ts';
import { DarkroomError } from '../src/errors.ts';
import {
  isNamedPose,
  notCarried,
  type OptionType,
  type OptionValue,
  type OtherRecipe,
  optionsOfDraft,
  type RequestDraft,
  readOtherRecipe,
  requestToJson,
  shortName,
} from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { baseOfTexts } from './base.ts';
import { type Context, defineCommand } from './command.ts';
import { controlWords } from './draft.ts';
import { findJobOfPicture } from './job-access.ts';
import { quote, quoteWord } from './line-tokens.ts';
import { Policy } from './policy.ts';
import type { Ports } from './ports.ts';
import { openAttachment, openReplied, type SourcePorts } from './sources.ts';
import { PLAIN_STYLE } from './styles.ts';

export const recipe = defineCommand({
  name: 'recipe',
  description: 'Show what made a picture: reply to it, or attach it.',
  options: {
    picture: { type: 'picture', description: 'The picture: attach it, or reply to it.' },
  },
  examples: ['/recipe'],
  async run(
    _values,
    { invocation, reply, ports }: Context<SourcePorts & StylePorts & Pick<Ports, 'jobs' | 'readPictureText'>>,
  ) {
    const { attachments, repliedTo } = invocation;
    if (attachments.length === 0 && repliedTo === undefined) {
      throw new DarkroomError('bad_request', 'Whose recipe? Reply to a picture with /recipe, or attach one.');
    }
    const known =
      repliedTo?.pictureIds[0] && (await findJobOfPicture(repliedTo.pictureIds[0], invocation, ports));
    const extra = await styleFlag(invocation, ports);
    if (attachments.length === 0 && known) return reply.postEphemeral(recipeCard(known, extra));
    const [attachment] = attachments;
    const picture =
      attachment === undefined
        ? await openReplied(invocation, ports)
        : await openAttachment(attachment, ports);
    return reply.postEphemeral(textCard(picture!.texts ?? ports.readPictureText(picture!.bytes), extra));
  },
});

/** The recipe of a job that is known here. */
const recipeCard = ({ id, request, state }: JobRecord, extra: string): Card => {
  const card = draftCard('What made this picture:', requestToJson(request), extra);
  const canAgain = card.notes !== undefined && state === 'done';
  return canAgain ? { ...card, actions: [{ id: `again:${id}`, label: 'Make again' }] } : card;
};

type StylePorts = Pick<Ports, 'settings' | 'admins'>;

/** The prompt of a recipe has its style already: where an admin has set a default style, it must not be added again. */
async function styleFlag(invocation: Invocation, ports: StylePorts): Promise<string> {
  const style = (await Policy.of(invocation, ports)).text('default_style');
  return style === undefined || style === PLAIN_STYLE ? '' : ` --style ${PLAIN_STYLE}`;
}

function textCard(texts: ReadonlyMap<string, string>, extra: string): Card {
  const text = 'What made this picture, as the file says:';
  const base = baseOfTexts(texts);
  if (base !== undefined) return draftCard(text, base.draft, extra);
  const other = readOtherRecipe(texts);
  if (other !== undefined) return otherCard(other, texts.get('parameters'));
  const parameters = texts.get('parameters');
  if (parameters !== undefined) return { text, fields: [{ name: 'Parameters', value: parameters }] };
  throw new DarkroomError(
    'not_found',
    'This picture carries no recipe. Pictures that were saved again by other programs often lose it.',
  );
}

/** The command leaves their model out: a model of that name need not be here. */
function otherCard({ program, draft }: OtherRecipe, parameters: string | undefined): Card {
  const { model, ...rest } = draft;
  const theirs =
    model === undefined ? '' : ` It was made with ${shortName(model)}; add --model for one that is here.`;
  return {
    text: `What made this picture, as ${program} wrote it:`,
    fields: [
      ...fieldsOf(draft),
      ...(parameters === undefined ? [] : [{ name: 'Parameters', value: parameters }]),
      { name: 'Command', value: commandLine(rest) },
    ],
    notes: [`The command goes as far as both programs agree; the picture may differ.${theirs}`],
  };
}

function draftCard(text: string, draft: RequestDraft, extra: string): Card {
  const missing = notCarried(draft);
  return {
    text,
    fields: [...fieldsOf(draft), { name: 'Command', value: commandLine(draft) + extra }],
    ...(missing.length > 0 && { notes: [`The command cannot carry everything. ${missing.join(' ')}`] }),
  };
}

/**
 * A command that makes the picture again, as far as a line can say it; notCarried says what is missing.
 * @param draft fields that are absent are left to the model's defaults
 */
export function commandLine(draft: RequestDraft): string {
  const flags = [...optionsOfDraft(draft), ...controlFlags(draft)];
  return [
    draft.image === undefined ? '/imagine' : '/edit',
    quote(draft.prompt),
    ...flags.map(
      ([flag, value, type]) =>
        `--${flag} ${type === 'text' ? quote(String(value)) : quoteWord(String(value))}`,
    ),
  ].join(' ');
}

function controlFlags({
  controls: [control] = [],
}: RequestDraft): (readonly [string, OptionValue, OptionType])[] {
  if (control === undefined) return [];
  const { scale = 1, start = 0, end = 1 } = control;
  const steering = { scale, start, end };
  return isNamedPose(control)
    ? [['pose', controlWords(control.image, steering), 'word']]
    : [['control', controlWords(control.kind, steering), 'word']];
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
export const showRecipe = async (record: JobRecord, { invocation, reply, ports }: Context<StylePorts>) =>
  reply.postEphemeral(recipeCard(record, await styleFlag(invocation, ports)));
