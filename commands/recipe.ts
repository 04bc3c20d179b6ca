/** /recipe: what made a picture, out of the stored request or out of the PNG's own text. */
import type { Invocation } from '../adapters/adapter.ts';
import type { Card, CardField } from '../adapters/card.ts';
import { asTyped } from '../src/choices/choices.ts';
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
import { type PlainKey, type Say, sentence } from '../src/sentences.ts';
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
  description: 'describe.recipe',
  options: {
    picture: { type: 'picture', description: 'describe.recipe.picture' },
  },
  examples: ['/recipe'],
  async run(
    _values,
    {
      invocation,
      reply,
      say,
      ports,
    }: Context<SourcePorts & StylePorts & Pick<Ports, 'jobs' | 'readPictureText'>>,
  ) {
    const { attachments, repliedTo } = invocation;
    if (attachments.length === 0 && repliedTo === undefined) {
      throw new DarkroomError('bad_request', sentence('recipe.whose'));
    }
    const known =
      repliedTo?.pictureIds[0] && (await findJobOfPicture(repliedTo.pictureIds[0], invocation, ports));
    if (known) await requireRecipe(known, invocation, ports);
    const extra = await styleFlag(invocation, ports);
    if (attachments.length === 0 && known) return reply.postEphemeral(recipeCard(known, extra, say));
    const [attachment] = attachments;
    const picture =
      attachment === undefined
        ? await openReplied(invocation, ports)
        : await openAttachment(attachment, ports);
    return reply.postEphemeral(textCard(picture!.texts ?? ports.readPictureText(picture!.bytes), extra, say));
  },
});

/** The recipe of a job that is known here. */
const recipeCard = ({ id, request, state, frame }: JobRecord, extra: string, say: Say): Card => {
  if (frame?.sweep !== undefined) {
    return { text: say('sweep.made_by'), fields: [commandField(`/sweep ${frame.sweep.line}${extra}`, say)] };
  }
  const frozen = requestToJson(request);
  // Pictures with words of their own are made again from what was typed.
  const draft = frozen.picture_words === undefined ? frozen : asTyped(frozen);
  const card = draftCard('recipe.made_by', draft, extra, say);
  const canAgain = card.notes !== undefined && state === 'done';
  return canAgain ? { ...card, actions: [{ id: `again:${id}`, label: say('button.again') }] } : card;
};

type StylePorts = Pick<Ports, 'settings' | 'admins'>;

/** Where files carry no recipe, others do not get it from here either. @throws DarkroomError('forbidden') */
async function requireRecipe({ user }: JobRecord, invocation: Invocation, ports: StylePorts): Promise<void> {
  const policy = await Policy.of(invocation, ports);
  const isOpen = policy.value('prompt_in_files') !== false || user.id === invocation.user.id;
  if (isOpen || policy.isAdmin()) return;
  throw new DarkroomError('forbidden', sentence('recipe.hidden', { name: user.name }));
}

/** The prompt of a recipe has its style already: where an admin has set a default style, it must not be added again. */
async function styleFlag(invocation: Invocation, ports: StylePorts): Promise<string> {
  const style = (await Policy.of(invocation, ports)).text('default_style');
  return style === undefined || style === PLAIN_STYLE ? '' : ` --style ${PLAIN_STYLE}`;
}

function textCard(texts: ReadonlyMap<string, string>, extra: string, say: Say): Card {
  const base = baseOfTexts(texts);
  if (base !== undefined) return draftCard('recipe.made_by_file', base.draft, extra, say);
  const other = readOtherRecipe(texts);
  const parameters = texts.get('parameters');
  if (other !== undefined) return otherCard(other, parameters, say);
  if (parameters === undefined) throw new DarkroomError('not_found', sentence('recipe.none'));
  return {
    text: say('recipe.made_by_file'),
    fields: [{ name: say('recipe.parameters'), value: parameters }],
  };
}

/** The command leaves their model out: a model of that name need not be here. */
function otherCard({ program, draft }: OtherRecipe, parameters: string | undefined, say: Say): Card {
  const { model, ...rest } = draft;
  return {
    text: say('recipe.made_by_program', { program }),
    fields: [
      ...fieldsOf(draft, say),
      ...(parameters === undefined ? [] : [{ name: say('recipe.parameters'), value: parameters }]),
      commandField(commandLine(rest), say),
    ],
    notes: [
      model === undefined ? say('recipe.as_far') : say('recipe.as_far_model', { model: shortName(model) }),
    ],
  };
}

const commandField = (value: string, say: Say): CardField => ({
  name: say('recipe.command'),
  value,
  isCode: true,
});

function draftCard(text: PlainKey, draft: RequestDraft, extra: string, say: Say): Card {
  const missing = notCarried(draft);
  return {
    text: say(text),
    fields: [...fieldsOf(draft, say), commandField(commandLine(draft) + extra, say)],
    ...(missing.length > 0 && {
      notes: [say('recipe.not_carried', { missing: missing.map(say.words).join(' ') })],
    }),
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
  const { controlnet } = control;
  return [
    isNamedPose(control)
      ? ['pose', controlWords(control.image, steering), 'word']
      : ['control', controlWords(control.kind, steering), 'word'],
    ...(controlnet === undefined ? [] : [['controlnet', shortName(controlnet), 'word'] as const]),
  ];
}

function fieldsOf(draft: RequestDraft, say: Say): CardField[] {
  const named: readonly (readonly [PlainKey, unknown])[] = [
    ['recipe.prompt', draft.prompt],
    ['recipe.negative', draft.negative_prompt || undefined],
    ['recipe.model', draft.model === undefined ? undefined : shortName(draft.model)],
    ['recipe.seed', draft.seed],
    ['recipe.steps', draft.num_inference_steps],
    ['recipe.guidance', draft.guidance_scale],
    ['recipe.sampler', draft.sampler],
    ['recipe.schedule', draft.schedule],
    ['recipe.size', draft.width === undefined ? undefined : `${draft.width}x${draft.height}`],
    ['recipe.strength', draft.strength],
  ];
  return named.flatMap(([key, value]) =>
    value === undefined ? [] : { name: say(key), value: String(value) },
  );
}

/** The button under a picture. */
export async function showRecipe(
  record: JobRecord,
  { invocation, reply, say, ports }: Context<StylePorts>,
): Promise<void> {
  await requireRecipe(record, invocation, ports);
  await reply.postEphemeral(recipeCard(record, await styleFlag(invocation, ports), say));
}
