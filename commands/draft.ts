/** The options that imagine and edit share, and the draft of a request that their values make. */
import { DarkroomError } from '../src/errors.ts';
import {
  CONTROL_KINDS,
  type ControlRequest,
  draftOfOptions,
  FIELD_OPTIONS,
  type FieldOption,
  type ModelDefaults,
  type OptionValues,
  POSES,
  parseRatio,
  RATIO_TEXT,
  REGIONS,
  type RequestDraft,
  sizeOfRatio,
  withinRatio,
} from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
import type { Option, Options } from './command.ts';

/** The region of an upload that is its transparent part. */
const TRANSPARENT = 'transparent';

/** Options of chats that are no field of a request by themselves. `menu` is their place among the fields' options. */
const CHAT_OPTIONS = {
  ar: {
    type: 'text',
    single: true,
    flag: '--ar',
    aliases: ['--aspect'],
    pattern: RATIO_TEXT,
    description: 'option.ar',
    suggestions: ['1:1', '3:2', '2:3', '16:9'],
    example: '3:2',
    menu: 4,
  },
  style: {
    type: 'text',
    single: true,
    flag: '--style',
    description: 'option.style',
    example: 'watercolor',
    menu: 7,
  },
  control: {
    type: 'choice',
    choices: CONTROL_KINDS,
    spelling: (text) => controlSpelling(text, CONTROL_KINDS),
    flag: '--control',
    description: 'option.control',
    example: 'canny',
    menu: 12,
  },
  controlnet: {
    type: 'text',
    single: true,
    flag: '--controlnet',
    description: 'option.controlnet',
    example: 'control_v11p_sd15_canny',
    menu: 12.5,
  },
  pose: {
    type: 'choice',
    choices: POSES,
    spelling: (text) => controlSpelling(text, POSES),
    flag: '--pose',
    description: 'option.pose',
    example: 'dancing',
    menu: 13,
  },
  region: {
    type: 'choice',
    choices: [...REGIONS, TRANSPARENT],
    flag: '--region',
    description: 'option.region',
    example: 'background',
    menu: 14,
  },
  draft: {
    type: 'choice',
    choices: ['on', 'off'],
    implied: 'on',
    flag: '--draft',
    description: 'option.draft',
    example: 'on',
    menu: 7.5,
  },
} as const satisfies Readonly<Record<string, Option & { readonly menu: number }>>;

/** `canny@0.8:0-0.6`: scale, and the part of the steps in which it acts. */
const CONTROL = /^([a-z]+)(?:@(\d*\.?\d+)(?::(\d*\.?\d+)-(\d*\.?\d+))?)?$/i;

function controlSpelling(text: string, names: readonly string[]): string | undefined {
  const name = CONTROL.exec(text)?.[1]?.toLowerCase();
  return names.some((known) => known === name) ? text.toLowerCase() : undefined;
}

/** @param text of --control or --pose, checked against their names */
export function parseControl(text: string): { readonly name: string } & Partial<ControlRequest> {
  const [, name = text, scale, start, end] = CONTROL.exec(text) ?? [];
  return {
    name,
    ...(scale !== undefined && { scale: Number(scale) }),
    ...(start !== undefined && end !== undefined && { start: Number(start), end: Number(end) }),
  };
}

/** What --control or --pose writes; parseControl reads it. */
export function controlWords(
  name: string,
  { scale = 1, start = 0, end = 1 }: Partial<ControlRequest>,
): string {
  const isWhole = start === 0 && end === 1;
  if (isWhole) return scale === 1 ? name : `${name}@${scale}`;
  return `${name}@${scale}:${start}-${end}`;
}

function optionOf({ names, type, description, example, choices = [], ...rest }: FieldOption): Option {
  const [flag, ...aliases] = names.map((name) => `--${name}`);
  const base = { flag: flag!, ...(aliases.length > 0 && { aliases }), description, example };
  switch (type) {
    case 'integer':
    case 'number':
      return {
        ...base,
        type,
        min: rest.min ?? 0,
        max: rest.max ?? Number.MAX_SAFE_INTEGER,
        ...(rest.spelling && { spelling: rest.spelling }),
        ...(rest.beyond && { beyond: rest.beyond }),
        ...(rest.unit && { unit: rest.unit }),
      };
    case 'choice':
      return {
        ...base,
        type,
        choices,
        ...(rest.spelling && { spelling: rest.spelling }),
        ...(rest.partOfName && { partOfName: rest.partOfName }),
      };
    case 'switch':
      return { ...base, type: 'choice', choices: ['on', 'off'], implied: 'on' };
    case 'text':
      return { ...base, type };
    case 'word':
      return {
        ...base,
        type: 'text',
        single: true,
        ...(rest.pattern && { pattern: rest.pattern }),
        ...(rest.repeats && { repeats: rest.repeats }),
      };
  }
}

const isInMenu = ({ menu }: FieldOption) => menu !== undefined;
const ofFields = (isWanted: (option: FieldOption) => boolean) =>
  FIELD_OPTIONS.filter(isWanted).map(
    (one) => [one.names[0], { ...optionOf(one), menu: one.menu ?? 0 }] as const,
  );

function inOrder(entries: readonly (readonly [string, Option & { readonly menu: number }])[]): Options {
  const sorted = entries.toSorted(([, a], [, b]) => a.menu - b.menu);
  return Object.fromEntries(sorted.map(([name, { menu: _menu, ...option }]) => [name, option]));
}

/** In the platforms' own menus too. */
export const DRAFT_OPTIONS: Options = inOrder([...Object.entries(CHAT_OPTIONS), ...ofFields(isInMenu)]);
/** Only in a typed line. */
export const TYPED_OPTIONS: Options = inOrder(ofFields((option) => !isInMenu(option)));

export type DraftValues = OptionValues &
  Partial<Record<keyof typeof CHAT_OPTIONS, string>> & { prompt?: string };

/**
 * @param source the picture to start from, where there is one
 * @throws DarkroomError('bad_request') for a size or proportion that cannot be read
 */
export function draftOf(
  values: DraftValues,
  defaults: ModelDefaults,
  source?: { readonly width: number; readonly height: number },
): RequestDraft {
  return {
    prompt: values.prompt ?? '',
    ...draftOfOptions(values),
    ...sizeOf(values, defaults, source),
  };
}

function sizeOf(
  { size, ar }: DraftValues,
  defaults: ModelDefaults,
  source?: { readonly width: number; readonly height: number },
): { width?: number; height?: number } {
  if (size !== undefined && ar !== undefined) {
    throw new DarkroomError('bad_request', sentence('command.size_twice', { size, ar }));
  }
  if (size !== undefined) return {};
  if (ar !== undefined) return sizeOfRatio(parseRatio(ar), defaults);
  // An upload beyond the model's size keeps its proportion; a smaller one keeps its size (freezeRequest).
  // Where the picture is a reference, its own size decides.
  const isLarge =
    defaults.editsByInstruction !== true &&
    source !== undefined &&
    Math.max(source.width, source.height) > defaults.maxSize;
  return isLarge ? sizeOfRatio(withinRatio(source.width / source.height), defaults) : {};
}
