/** The options of all fields, read into a draft and written from one. */
import { isRecord } from '../json.ts';
import type { Words } from '../sentences.ts';
import { type AnyFieldOption, type RequestDraft, ROWS } from './fields.ts';
import type { FieldOption, OptionType, OptionValue } from './option.ts';

type Json = Readonly<Record<string, unknown>>;

interface BoundOption extends FieldOption {
  readonly read: (value: OptionValue) => Json;
  readonly write: (draft: Json) => OptionValue | undefined;
}

export const FIELD_OPTIONS: readonly BoundOption[] = ROWS.flatMap(([, { name, options = [], plain }]) =>
  options.map((one) => ({
    ...one,
    read: one.read ?? ((value: OptionValue): Json => ({ [name]: fieldValue(one, value) })),
    write:
      one.write ??
      ((draft: Json) => (draft[name] === plain ? undefined : (draft[name] as OptionValue | undefined))),
  })),
);

const fieldValue = ({ type }: FieldOption, value: OptionValue) =>
  type === 'switch' ? value === 'on' : value;

/** Values by the first names of their options, as chats have them. */
export type OptionValues = {
  -readonly [One in AnyFieldOption as One['names'][0]]?: One['type'] extends 'integer' | 'number'
    ? number
    : string;
};

/**
 * @param values of options by their first names, checked against their types; other names are passed over
 * @throws DarkroomError('bad_request') for a value that its option cannot read
 */
export function draftOfOptions(values: Json): Partial<RequestDraft> {
  const draft: Record<string, unknown> = {};
  for (const { names, read } of FIELD_OPTIONS) {
    const value = Object.hasOwn(values, names[0]) ? values[names[0]] : undefined;
    if (value === undefined) continue;
    for (const [key, part] of Object.entries(read(value as OptionValue))) {
      const before = draft[key];
      // Several options may say parts of one field, such as hires.
      draft[key] = isRecord(part) && isRecord(before) ? { ...before, ...part } : part;
    }
  }
  return draft;
}

/** What a command writes for a filled draft: `['steps', 20]`, in the order of the fields. */
export function optionsOfDraft(
  draft: RequestDraft,
): (readonly [flag: string, value: OptionValue, OptionType])[] {
  return FIELD_OPTIONS.flatMap(({ names, type, write }) => {
    const value = write(draft as unknown as Json);
    return value === undefined ? [] : [[names[0], value, type] as const];
  });
}

/** The option that says a field by itself: `num_inference_steps` is said by `steps`. */
export function optionOfField(field: string): string | undefined {
  const [, row] = ROWS.find(([, { name }]) => name === field) ?? [];
  const [first] = row?.options ?? [];
  return first?.read === undefined ? first?.names[0] : undefined;
}

/** Sentences about what a command cannot say of a draft. */
export function notCarried(draft: RequestDraft): Words[] {
  return ROWS.flatMap(([, row]) => row.notCarried?.(draft) ?? []);
}
