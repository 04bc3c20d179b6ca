/** Takes out of an invocation what no database stores and no platform shows: control characters, halves of characters. */
import type { Invocation } from '../adapters/adapter.ts';

/** C0 and C1 controls without tab, line feed and carriage return; they have no meaning in any text here. */
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/**
 * Characters that nobody sees: zero-width spaces, soft hyphens, direction marks. They come with pasted words, split them
 * for a model and turn a card around. Joiners stay: emoji, Persian and Indic words are made with them.
 */
const UNSEEN = /[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;

const cleanText = (text: string): string =>
  text.toWellFormed().replaceAll(CONTROLS, '').replaceAll(UNSEEN, '');

/** Values that are no text, number or switch are left out: no option takes them. */
function cleanValues(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]): [string, unknown][] => {
      if (typeof value === 'string') return [[cleanText(name), cleanText(value)]];
      return typeof value === 'number' || typeof value === 'boolean' ? [[cleanText(name), value]] : [];
    }),
  );
}

function cleanInput(input: Invocation['input']): Invocation['input'] {
  switch (input.kind) {
    case 'line':
      return { ...input, text: cleanText(input.text) };
    case 'command':
      return { ...input, name: cleanText(input.name), values: cleanValues(input.values) };
    case 'action':
      return { ...input, action: cleanText(input.action), values: cleanValues(input.values) };
  }
}

export function cleanInvocation(invocation: Invocation): Invocation {
  const { user, where, attachments, repliedTo } = invocation;
  return {
    ...invocation,
    user: { id: cleanText(user.id), name: cleanText(user.name) },
    channel: cleanText(invocation.channel),
    where: {
      ...where,
      ...(where.tenant !== undefined && { tenant: cleanText(where.tenant) }),
      channel: cleanText(where.channel),
      roles: where.roles.map(cleanText),
    },
    attachments: attachments.map((attachment) => ({
      ...attachment,
      name: cleanText(attachment.name),
      read: () => attachment.read(),
    })),
    ...(repliedTo && {
      repliedTo: {
        ...repliedTo,
        id: cleanText(repliedTo.id),
        pictureIds: repliedTo.pictureIds.map(cleanText),
      },
    }),
    ...(invocation.otherFiles && { otherFiles: invocation.otherFiles.map(cleanText) }),
    input: cleanInput(invocation.input),
  };
}
