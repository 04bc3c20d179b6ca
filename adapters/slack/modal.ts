/** A form in Slack's idiom: a modal view of input blocks, and what comes back of it. */
import type { types, ViewOutput } from '@slack/bolt';
import type { Say } from '../../src/sentences.ts';
import type { CardForm, FormField } from '../card.ts';
import { clip } from '../clip.ts';
import { SLACK_LIMITS as LIMITS } from './limits.ts';

/** What a form was opened for; it travels with the form. */
export interface FormContext {
  /** The button's action, or the verb of a command or shortcut: `edit`. */
  readonly action: string;
  readonly channel: string;
  readonly thread?: string;
  /** The message whose button it was, or that a shortcut was called on. */
  readonly message?: string;
  /** Slack's ids of the pictures that a shortcut was called on. */
  readonly files?: readonly string[];
}

export const FORM_CALLBACK = 'darkroom_form';

export function renderForm(form: CardForm, context: FormContext, say: Say): types.ModalView {
  const metadata = JSON.stringify(context);
  if (metadata.length > LIMITS.privateMetadata)
    throw new Error(`the form ${context.action} carries too much`);
  return {
    type: 'modal',
    callback_id: FORM_CALLBACK,
    private_metadata: metadata,
    title: plain(form.title, LIMITS.modalTitle),
    submit: plain(form.submit ?? say('form.send'), LIMITS.modalTitle),
    close: plain(say('form.cancel'), LIMITS.modalTitle),
    blocks: [
      ...(form.text === undefined
        ? []
        : [{ type: 'section' as const, text: plain(form.text, LIMITS.sectionText) }]),
      ...form.fields.map(renderField),
    ],
  };
}

const plain = (text: string, most: number): types.PlainTextElement => ({
  type: 'plain_text',
  text: clip(text, most),
  emoji: false,
});

function renderField(field: FormField): types.InputBlock {
  return {
    type: 'input',
    block_id: field.name,
    optional: !field.required,
    label: plain(field.label, LIMITS.modalLabel),
    element: elementOf(field),
  };
}

function elementOf(field: FormField): types.InputBlock['element'] {
  const action_id = 'value';
  switch (field.kind) {
    case 'words':
      return {
        type: 'plain_text_input',
        action_id,
        multiline: true,
        max_length: LIMITS.inputText,
        ...(field.value !== undefined && { initial_value: clip(field.value, LIMITS.inputText) }),
        ...(field.placeholder !== undefined && { placeholder: plain(field.placeholder, LIMITS.placeholder) }),
      };
    case 'number':
      return {
        type: 'number_input',
        action_id,
        is_decimal_allowed: true,
        initial_value: String(field.value),
        min_value: String(field.min),
        max_value: String(field.max),
      };
    case 'choice':
      return {
        type: 'static_select',
        action_id,
        options: field.choices.slice(0, LIMITS.choices).map(({ value, label }) => ({
          value,
          text: plain(label, LIMITS.choiceLabel),
        })),
      };
    case 'picture':
      return {
        type: 'file_input',
        action_id,
        filetypes: ['png', 'jpg', 'jpeg', 'webp', 'gif'],
        max_files: 1,
      };
  }
}

/** @returns what was written by the fields' names, and the ids of files by the fields they came in */
export function formValues(form: CardForm, view: ViewOutput) {
  const values: Record<string, string | number> = {};
  const files: { readonly field: string; readonly file: string }[] = [];
  for (const { name, kind } of form.fields) {
    const state = view.state.values[name]?.['value'];
    for (const { id } of state?.files ?? []) files.push({ field: name, file: id });
    const text = state?.value ?? state?.selected_option?.value ?? '';
    if (text.trim() !== '') values[name] = kind === 'number' ? Number(text) : text;
  }
  return { values, files };
}
