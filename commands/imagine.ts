/** /imagine: words become a picture; with a picture, the picture becomes another one. */
import type { Invocation } from '../adapters/adapter.ts';
import { DarkroomError } from '../src/errors.ts';
import { LIMITS, type RequestDraft } from '../src/request.ts';
import { type Sentence, sentence, type Words } from '../src/sentences.ts';
import { type Base, baseOfReply, baseOfTexts, type LaidOver, layOver, settingsOf } from './base.ts';
import { type Context, defineCommand } from './command.ts';
import { DRAFT_OPTIONS, type DraftValues, draftOf, TYPED_OPTIONS } from './draft.ts';
import { readInstruction } from './instruction/instruction.ts';
import { findJobOfPicture } from './job-access.ts';
import { nameMentions } from './mentions.ts';
import { applyTuning, tuningOf } from './model-tuning.ts';
import { outpaintModel } from './outpaint-model.ts';
import {
  draftOfPictures,
  findPictures,
  type PicturePorts,
  type Pictures,
  withControlKind,
} from './pictures.ts';
import { Policy, tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';
import { quickDraft } from './quick.ts';
import { allStyles, applyStyle, stylesFor } from './styles.ts';
import type { Order, Submit } from './submit.ts';

type DrawInvocation = Pick<Invocation, 'otherFiles'>;
/** In a sentence. */
const FILES_NAMED = 4;

/** What it takes to request a picture by words. */
export type DrawPorts = PicturePorts &
  Submit &
  Pick<Ports, 'find' | 'jobs' | 'settings' | 'models' | 'admins'>;

export const imagine = defineCommand({
  name: 'imagine',
  description: 'describe.imagine',
  options: {
    prompt: {
      type: 'text',
      description: 'describe.imagine.prompt',
      example: 'a red mug on a table, watercolor',
    },
    ...DRAFT_OPTIONS,
    picture: { type: 'picture', description: 'describe.imagine.picture' },
    mask: { type: 'picture', description: 'describe.imagine.mask' },
    control_picture: { type: 'picture', description: 'describe.imagine.control_picture' },
  },
  typed: TYPED_OPTIONS,
  examples: ['/imagine a red mug on a table, watercolor', '/imagine a blue boat --seed 3 --ar 3:2'],
  run: (values, context: Context<DrawPorts>) => draw(values, context, 'imagine'),
});

/** Requests a picture by words, from the picture that came with them where there is one. */
export async function draw(
  given: DraftValues,
  context: Context<DrawPorts>,
  verb: 'imagine' | 'edit',
): Promise<void> {
  await context.ports.submit({ ...(await orderOf(given, context, verb)), reply: context.reply });
}

/** What to submit for a picture by words. @throws DarkroomError */
export async function orderOf(
  given: DraftValues,
  { invocation, ports, notes = [] }: Omit<Context<DrawPorts>, 'reply' | 'say'>,
  verb: 'imagine' | 'edit',
): Promise<Omit<Order, 'reply'>> {
  const { settings, models } = ports;
  const values = withControlKind(given, models.files());
  const { words, hosts } = withoutAddresses(await nameMentions(values.prompt ?? '', invocation, ports));
  // A new picture with words of its own takes nothing from the one that is replied to but its pixels.
  const takesOver = verb === 'edit' || words.trim() === '';
  const replied = takesOver ? await baseOfReply(invocation, ports) : undefined;
  const policy = await Policy.of(invocation, ports);
  policy.requireEntry();
  const own = replied && models.names().find((name) => name === replied.draft.model);
  const named = values.model ?? own ?? policy.text('default_model');
  const isExtended = values.zoom !== undefined || values.pan !== undefined;
  const { model, notes: told } =
    isExtended && values.model === undefined
      ? await outpaintModel((await models.resolve(named)).name, { invocation, ports })
      : { model: await models.resolve(named), notes: [] };
  const tenant = tenantOf(invocation);
  const styles = await stylesFor(settings, tenant, invocation.user.id);
  const common = allStyles(await settings.styles(tenant));
  const tuning = await tuningOf(settings, tenant, model.name);
  const complete = (draft: RequestDraft, base?: Base) => {
    const filled = policy.fill(applyTuning(draft, tuning, policy.number('max_steps') ?? LIMITS.steps.max));
    // The picture's own prompt has its style already.
    if (values.style !== undefined) return applyStyle(filled, values.style, styles);
    // The admin's default means the admin's style, whatever the user calls by the same name.
    const usual = base === undefined ? policy.text('default_style') : undefined;
    return usual === undefined ? filled : applyStyle(filled, usual, common);
  };
  const limited = policy.limit(model.defaults);
  if (invocation.attachments.length > 0) {
    await ports.precheck({ invocation, model, draft: complete(draftOf(values, limited)) });
  }
  const pictures = await findPictures(invocation, values, ports, {
    editsByInstruction: model.editsByInstruction === true,
  });
  // Whoever sends nothing but an address means the picture there.
  const [address] = hosts;
  const isOfAddress = ONLY_POINTS.test(words.trim()) || readInstruction(words) !== undefined;
  if (isOfAddress && address !== undefined && Object.keys(pictures).length === 0) {
    throw new DarkroomError('bad_request', sentence('draw.address', { host: address }));
  }
  requireSubject(values, pictures);
  const base = replied ?? (takesOver ? baseOfTexts(pictures.source?.texts) : undefined);
  const laid = base && layOver(words, base.draft, model);
  // An inpainting model of the same family draws with the picture's settings too.
  const isSame = base?.draft.model === model.name || (isExtended && base?.draft.model === named);
  const draft = complete(
    {
      ...(base !== undefined && isSame && settingsOf(base.draft, policy.number('max_steps'))),
      ...draftOfPictures(pictures, values, model),
      // What the line says about its pictures takes precedence over what their presence implies.
      ...draftOf({ ...values, prompt: words }, limited, pictures.source),
      ...(laid && wordsOf(laid, base.draft, values)),
    },
    base,
  );
  // A size that is asked for is refused by the limit that it breaks: the admin's or the model's.
  const defaults = { ...limited, maxSize: model.defaults.maxSize };
  const read = [
    ...notes,
    ...told,
    ...describeOtherFiles(invocation),
    ...hosts.map((host) => sentence('draw.address', { host })),
    ...(laid?.notes ?? []),
  ];
  const isMadeFrom = pictures.source !== undefined || pictures.control !== undefined;
  const quick = values.draft === 'on' ? quickDraft(draft, model.name, limited) : undefined;
  return {
    ...{ invocation, model: { ...model, defaults }, pictures },
    draft: quick?.draft ?? draft,
    notes: quick === undefined ? read : [...read, quick.note],
    ...(quick && { finish: quick.finish }),
    ...(isMadeFrom && { origin: await originOf(invocation, pictures, draft, ports) }),
  };
}

/** What a picture is made from: an upload, or the one that was replied to. */
async function originOf(
  invocation: Invocation,
  { source, control }: Pictures,
  { upscale_image: upscaled, outpaint }: RequestDraft,
  ports: DrawPorts,
): Promise<NonNullable<Order['origin']>> {
  const beyond = outpaint?.pan === undefined ? 'zoom' : 'pan';
  const how = outpaint !== undefined ? beyond : upscaled === undefined ? 'edit' : 'upscale';
  const verb = source === undefined ? 'use' : how;
  const own = (source ?? control)?.from;
  const record =
    own !== undefined && 'id' in own ? await findJobOfPicture(own.id, invocation, ports) : undefined;
  const count = invocation.repliedTo?.pictureIds.length ?? 0;
  return { verb, ...(record && { record, ...(count > 1 && { of: count }) }) };
}

function describeOtherFiles({ otherFiles = [] }: DrawInvocation): Sentence[] {
  if (otherFiles.length === 0) return [];
  const names = otherFiles.slice(0, FILES_NAMED);
  const more = otherFiles.length - names.length;
  return [
    more > 0 ? sentence('draw.other_files_more', { names, more }) : sentence('draw.other_files', { names }),
  ];
}

/** Of pages, and of pictures on somebody's own disk. */
const ADDRESS =
  /<?https?:\/\/[^\s<>]+>?|(?<=^|\s)(?:www\.[^\s<>]+\.[^\s<>]+|file:\/\/\S+|data:image\/\S+|[a-z]:\\\S+)/gi;
/** What is left beside the address of a picture that is meant: `make it like …`. */
const ONLY_POINTS =
  /^(?:(?:make|draw|edit|change|use|turn|give|show|it|this|that|me|as|in|into|of|the|a|an|style|look|like|similar|something|to|from|based|on|with|here|see|picture|image|photo|please|pls|and)\b[\s,.:!]*)*$/i;

/** An address says nothing to a model. */
function withoutAddresses(text: string): { words: string; hosts: Words[] } {
  const hosts = new Set<string>();
  let isUnreadable = false;
  const words = text.replaceAll(ADDRESS, (whole) => {
    const url = whole.replaceAll(/^<|>$/g, '');
    const host = URL.parse(/^www\./i.test(url) ? `https://${url}` : url)?.host;
    if (host === undefined || host === '') isUnreadable = true;
    else hosts.add(host);
    return '';
  });
  const named = [...hosts, ...(isUnreadable ? [sentence('draw.that_address')] : [])];
  return named.length === 0 ? { words: text, hosts: [] } : { words: words.trim(), hosts: named };
}

/** What the picture avoided, an instruction avoids, and --no says, add up. */
function wordsOf(
  { prompt, negative }: LaidOver,
  { negative_prompt: own }: RequestDraft,
  { no }: DraftValues,
): Pick<RequestDraft, 'prompt' | 'negative_prompt'> {
  const avoided = [negative ?? own, no].filter((part) => part !== undefined && part !== '');
  return { prompt, ...(avoided.length > 0 && { negative_prompt: avoided.join(', ') }) };
}

/** No prompt is needed where a picture says what to draw. */
function requireSubject({ prompt = '', pose }: DraftValues, pictures: Pictures): void {
  if (prompt.trim() !== '' || pose !== undefined || Object.keys(pictures).length > 0) return;
  throw new DarkroomError('bad_request', sentence('draw.no_subject'));
}
