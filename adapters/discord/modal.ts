/** A form in Discord's idiom: a modal of at most five labelled fields. */
import {
  type APILabelComponent,
  type APIModalInteractionResponseCallbackData,
  ComponentType,
  TextInputStyle,
} from 'discord.js';
import type { CardForm, FormField } from '../card.ts';
import { clip } from '../clip.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';

/** @param id custom_id that comes back with what was written */
export function renderForm(id: string, { title, fields }: CardForm): APIModalInteractionResponseCallbackData {
  if (fields.length > LIMITS.modalFields)
    throw new Error(`the form ${id} has more than ${LIMITS.modalFields} fields`);
  return { custom_id: id, title: clip(title, LIMITS.modalTitle), components: fields.map(renderField) };
}

function renderField(field: FormField): APILabelComponent {
  return {
    type: ComponentType.Label,
    label: clip(field.label, LIMITS.modalLabel),
    component: inputOf(field),
  };
}

function inputOf(field: FormField): APILabelComponent['component'] {
  const { name: custom_id, required } = field;
  switch (field.kind) {
    case 'words':
      return {
        type: ComponentType.TextInput,
        custom_id,
        required,
        style: TextInputStyle.Paragraph,
        max_length: LIMITS.modalText,
        ...(field.value !== undefined && { value: clip(field.value, LIMITS.modalText) }),
        ...(field.placeholder !== undefined && { placeholder: clip(field.placeholder, LIMITS.description) }),
      };
    case 'number':
      return {
        type: ComponentType.TextInput,
        custom_id,
        required,
        style: TextInputStyle.Short,
        value: String(field.value),
        placeholder: `${field.min} to ${field.max}`,
      };
    case 'choice':
      return {
        type: ComponentType.StringSelect,
        custom_id,
        required,
        options: field.choices.slice(0, LIMITS.choices).map(({ value, label }) => ({
          value,
          label: clip(label, LIMITS.choiceName),
        })),
      };
    case 'picture':
      return { type: ComponentType.FileUpload, custom_id, required, max_values: 1 };
  }
}
