/** The pictures of an invocation by their roles: source, mask, control. */
import type { Attachment, Invocation } from '../adapters/adapter.ts';
import { DarkroomError, offer } from '../src/errors.ts';
import { CONTROL_KINDS, type ControlKind, LIMITS, type RequestDraft } from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
import { type DraftValues, parseControl } from './draft.ts';
import type { ModelFile, ModelInfo, Ports } from './ports.ts';
import {
  openAttachment,
  openReplied,
  type PictureRole,
  REFERENCES,
  type Source,
  type SourcePorts,
} from './sources.ts';

export type Pictures = Partial<Record<PictureRole, Source>>;
/** What it takes to open the pictures of an invocation. */
export type PicturePorts = SourcePorts & Pick<Ports, 'drawRegion'>;

/** Where a platform does not say what a file is for, a mask is known by its name. */
const MASK_NAME = /^mask\.png$/i;

const ROLES = ['source', ...REFERENCES, 'mask', 'control'] as const satisfies readonly PictureRole[];

/**
 * @param values of imagine or edit: a control kind turns the picture into a control picture
 * @param own the picture to start from, where a button names it
 * @param editsByInstruction whether the model sees several pictures beside its drawing
 * @throws DarkroomError('bad_request') for more pictures than there are roles, or a reply to a message without any
 */
export async function findPictures(
  invocation: Invocation,
  values: DraftValues,
  ports: PicturePorts,
  { own, editsByInstruction = false }: { readonly own?: Source; readonly editsByInstruction?: boolean } = {},
): Promise<Pictures> {
  const roles = new Map<PictureRole, Attachment>();
  // Beside the picture that was replied to, the attached ones are further references.
  const isReplied = editsByInstruction && own === undefined && showsPictures(invocation);
  const isFree = (role: PictureRole) => !roles.has(role) && !(isReplied && role === 'source');
  for (const attachment of invocation.attachments) {
    const wanted = roleOf(attachment, values, roles);
    const seen = wanted === 'source' && editsByInstruction ? (['source', ...REFERENCES] as const) : [wanted];
    const role = seen.find(isFree);
    if (role === undefined) throw tooMany(invocation.attachments.length, editsByInstruction);
    roles.set(role, attachment);
  }
  const pictures: Pictures = {};
  // The source first: it says how a mask was painted on it.
  for (const role of ROLES) {
    const attachment = roles.get(role);
    if (attachment !== undefined) {
      pictures[role] = await openAttachment(attachment, ports, role, pictures.source?.unturned);
    }
  }
  if (own !== undefined) pictures.source = own;
  const free: PictureRole = values.control !== undefined && !pictures.control ? 'control' : 'source';
  const before = pictures[free];
  if (before === undefined) {
    const replied = own === undefined ? await openReplied(invocation, ports) : undefined;
    if (replied !== undefined) pictures[free] = replied;
  } else if (own === undefined && showsPictures(invocation)) {
    const note = sentence('draw.attached_used');
    pictures[free] = { ...before, notes: [...before.notes, note] };
  }
  await addMask(pictures, values, ports);
  return pictures;
}

const showsPictures = ({ repliedTo }: Invocation) =>
  (repliedTo?.pictureIds.length ?? 0) + (repliedTo?.attachments?.length ?? 0) > 0;

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
  throw new DarkroomError('bad_request', sentence('draw.no_picture_option', { option }));
}

const tooMany = (count: number, editsByInstruction: boolean) =>
  new DarkroomError(
    'bad_request',
    editsByInstruction
      ? sentence('draw.too_many_references', { count, limit: LIMITS.references })
      : sentence('draw.too_many_pictures', { count }),
  );

/** From this share on it is not clear what somebody wants with a picture that is transparent. */
const MOSTLY = 0.5;

/** A named region of the picture, where no mask came. */
async function addMask(
  pictures: Pictures,
  { region }: DraftValues,
  { drawRegion }: PicturePorts,
): Promise<void> {
  const { source, mask } = pictures;
  if (source === undefined) {
    if (mask === undefined && region === undefined) return;
    throw new DarkroomError('bad_request', sentence('draw.mask_alone'));
  }
  if (mask !== undefined) return;
  const { transparency, width, height } = source;
  if (region !== undefined) {
    const bytes = region === 'transparent' ? transparency?.mask : await drawRegion(region, { width, height });
    if (bytes === undefined) {
      throw new DarkroomError('bad_request', sentence('draw.not_transparent'));
    }
    pictures.mask = { bytes, width, height, from: { name: 'mask.png' }, notes: [] };
  } else if (transparency !== undefined) {
    if (transparency.share > MOSTLY) {
      throw new DarkroomError(
        'bad_request',
        sentence('draw.mostly_transparent', { share: Math.round(transparency.share * 100) }),
      );
    }
    const note = sentence('draw.filled_white');
    pictures.source = { ...source, notes: [...source.notes, note] };
  }
}

/** What the pictures add to a draft, which refers to each by its role. */
export function draftOfPictures(
  pictures: Pictures,
  { control, pose, controlnet }: DraftValues,
  model: ModelInfo,
): Partial<RequestDraft> {
  const given = pose ?? control;
  const { name, ...steering } = given === undefined ? { name: undefined } : parseControl(given);
  if (pose !== undefined && control !== undefined && parseControl(control).name !== 'openpose') {
    throw new DarkroomError('bad_request', sentence('draw.pose_and_control', { pose, control }));
  }
  // The choice was checked against the kinds when the values were parsed.
  const kind = (pose === undefined ? name : 'openpose') as ControlKind | undefined;
  if (kind !== undefined && pictures.control === undefined && pose === undefined) {
    throw new DarkroomError('bad_request', sentence('draw.control_needs_picture', { kind }));
  }
  if (kind === undefined && pictures.control !== undefined) {
    throw new DarkroomError('bad_request', sentence('draw.say_control'));
  }
  if (kind !== undefined && controlnet === undefined) requireControl(kind, model);
  const references = REFERENCES.filter((role) => pictures[role] !== undefined);
  const net = controlnet === undefined ? {} : { controlnet };
  return {
    ...(pictures.source && { image: 'source' }),
    ...(references.length > 0 && { reference_images: references }),
    // What is outside the mask stays exactly as it was.
    ...(pictures.mask && { mask_image: 'mask', keep_unmasked: true }),
    ...(kind !== undefined && {
      controls: [{ kind, image: (pose && name) ?? 'control', ...net, ...steering }],
    }),
  };
}

/**
 * A ControlNet that is named says what to take from the picture, where its own name tells.
 * @throws DarkroomError('bad_request') where it does not tell and nobody said
 */
export function withControlKind(values: DraftValues, files: readonly ModelFile[]): DraftValues {
  const { control, pose, controlnet } = values;
  if (controlnet === undefined || (control ?? pose) !== undefined) return values;
  const wanted = controlnet.toLowerCase();
  const nets = files.filter(({ kind }) => kind === 'controlnet');
  const found = nets.find(({ name }) => name.toLowerCase() === wanted);
  if (found === undefined) {
    const names = nets.map(({ name }) => name);
    const name = controlnet.slice(0, 100);
    throw new DarkroomError(
      'not_found',
      names.length === 0
        ? sentence('draw.no_nets', { name })
        : sentence('draw.no_net', { name, offer: offer(controlnet, names) }),
    );
  }
  if (found.control !== undefined) return { ...values, control: found.control };
  throw new DarkroomError(
    'bad_request',
    sentence('draw.net_of_no_kind', { name: found.name, kinds: CONTROL_KINDS }),
  );
}

function requireControl(kind: string, { name, controls }: ModelInfo): void {
  if (controls.includes(kind)) return;
  if (kind === 'raw') {
    throw new DarkroomError('bad_request', sentence('control.raw_needs_net'));
  }
  throw new DarkroomError(
    'bad_request',
    controls.length === 0
      ? sentence('draw.no_controlnets', { model: name, kind })
      : sentence('draw.no_controlnet', { model: name, kind, offer: offer(kind, controls) }),
  );
}
