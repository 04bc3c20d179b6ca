/** The pictures that come with an invocation, sorted into their parts: to start from, mask, control. */
import type { Attachment, Invocation } from '../adapters/adapter.ts';
import { DarkroomError, offerNames } from '../src/errors.ts';
import type { ControlKind, RequestDraft } from '../src/request.ts';
import type { Desk, PictureRole, Source } from './desk.ts';
import { type DraftValues, parseControl } from './draft.ts';
import type { ModelInfo } from './ports.ts';

export type Pictures = Partial<Record<PictureRole, Source>>;

/** A chat that does not tell what a file is for takes the name that the web chat's brush gives it. */
const MASK_NAME = /^mask\.png$/i;

/**
 * @param values of imagine or edit: a control kind turns the picture into a control picture
 * @param own the picture to start from, where it is known already: a button's
 * @throws DarkroomError('bad_request') for more pictures than can be told apart, or a reply to a message without any
 */
export async function findPictures(
  invocation: Invocation,
  values: DraftValues,
  desk: Desk,
  own?: Source,
): Promise<Pictures> {
  const roles = new Map<PictureRole, Attachment>();
  for (const attachment of invocation.attachments) {
    const role = roleOf(attachment, values, roles);
    if (roles.has(role)) throw tooMany(invocation.attachments.length);
    roles.set(role, attachment);
  }
  const opened = await Promise.all(
    [...roles].map(
      async ([role, attachment]) => [role, await desk.openAttachment(attachment, role)] as const,
    ),
  );
  const pictures: Pictures = Object.fromEntries(opened);
  if (own !== undefined) pictures.source = own;
  const replied = own === undefined ? await desk.openReplied(invocation) : undefined;
  if (replied !== undefined) {
    const free: PictureRole = values.control !== undefined && !pictures.control ? 'control' : 'source';
    pictures[free] ??= replied;
  }
  await addMask(pictures, values, desk);
  return pictures;
}

function roleOf(
  { option, name }: Attachment,
  { control }: DraftValues,
  taken: ReadonlyMap<PictureRole, Attachment>,
): PictureRole {
  if (option === 'mask' || (option === undefined && MASK_NAME.test(name))) return 'mask';
  if (option === 'control_picture') return 'control';
  if (option === 'picture' || option === undefined) {
    return option === undefined && control !== undefined && !taken.has('control') ? 'control' : 'source';
  }
  throw new DarkroomError('bad_request', `A picture came for ${option}, which takes none.`);
}

const tooMany = (count: number) =>
  new DarkroomError(
    'bad_request',
    `${count} pictures came; one to start from, a mask and one to take a shape from can be used. Send fewer.`,
  );

/** From this share on it is not clear what somebody wants with a picture that is transparent. */
const MOSTLY = 0.5;

/** A named region of the picture, where no mask came. */
async function addMask(pictures: Pictures, { region }: DraftValues, desk: Desk): Promise<void> {
  const { source, mask } = pictures;
  if (source === undefined) {
    if (mask === undefined && region === undefined) return;
    throw new DarkroomError(
      'bad_request',
      'A mask says which part of a picture is redrawn. Attach the picture too, or reply to it.',
    );
  }
  if (mask !== undefined) return;
  const { transparency, width, height } = source;
  if (region !== undefined) {
    const bytes =
      region === 'transparent' ? transparency?.mask : await desk.ports.drawRegion(region, { width, height });
    if (bytes === undefined) {
      throw new DarkroomError(
        'bad_request',
        'The picture has no transparent part. Choose another region, or attach a mask.',
      );
    }
    pictures.mask = { bytes, width, height, from: { name: 'mask.png' }, notes: [] };
  } else if (transparency !== undefined) {
    if (transparency.share > MOSTLY) {
      throw new DarkroomError(
        'bad_request',
        `${Math.round(transparency.share * 100)} % of the picture is transparent. Add --region transparent to redraw that part, or send the picture with a background to change all of it.`,
      );
    }
    const note = 'The transparent part of the picture was filled with white.';
    pictures.source = { ...source, notes: [...source.notes, note] };
  }
}

/** What the pictures add to a draft: each is referred to by its part. */
export function draftOfPictures(
  pictures: Pictures,
  { control, pose }: DraftValues,
  model: ModelInfo,
): Partial<RequestDraft> {
  const given = pose ?? control;
  const { name, ...steering } = given === undefined ? { name: undefined } : parseControl(given);
  if (pose !== undefined && control !== undefined && parseControl(control).name !== 'openpose') {
    throw new DarkroomError(
      'bad_request',
      `--pose ${pose} and --control ${control} are two controls. Leave one out.`,
    );
  }
  // The choice was checked against the kinds when the values were parsed.
  const kind = (pose === undefined ? name : 'openpose') as ControlKind | undefined;
  if (kind !== undefined && pictures.control === undefined && pose === undefined) {
    throw new DarkroomError(
      'bad_request',
      `--control ${kind} needs a picture to take the shape from. Attach it, or reply to it.`,
    );
  }
  if (kind === undefined && pictures.control !== undefined) {
    throw new DarkroomError(
      'bad_request',
      'Say what to take from that picture, for example --control canny.',
    );
  }
  if (kind !== undefined) requireControl(kind, model);
  return {
    ...(pictures.source && { image: 'source' }),
    // What lies outside the mask comes back as it was.
    ...(pictures.mask && { mask_image: 'mask', keep_unmasked: true }),
    ...(kind !== undefined && { controls: [{ kind, image: (pose && name) ?? 'control', ...steering }] }),
  };
}

function requireControl(kind: string, { name, controls }: ModelInfo): void {
  if (controls.includes(kind)) return;
  throw new DarkroomError(
    'bad_request',
    controls.length === 0
      ? `${name} has no ControlNets, so it cannot follow a picture's ${kind}. Choose a model that has.`
      : `${name} has no ControlNet for ${kind}. ${offerNames(kind, controls)}`,
  );
}
