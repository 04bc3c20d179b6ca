/** Choices and wildcards in prompts. */
export const wildcard = {
  'wildcard.list': 'Wildcards: write one in a prompt as __name__, and a line of its list takes its place.',
  'wildcard.none':
    'There are no wildcards yet. An admin adds one: /wildcard set colour red | dark blue | green',
  'wildcard.more': '{count, plural, one {# more is} other {# more are}} not shown.',
  'wildcard.bad_name':
    '{name} is not a valid name of a wildcard. Use up to {limit} letters, digits, -, / and single _.',
  'wildcard.empty': 'The wildcard has no words. Write them with | between: red | blue.',
  'wildcard.too_long': 'The list has {count} characters; the limit is {limit}. Shorten it.',
  'wildcard.unknown': 'There is no wildcard {name}. /wildcard list shows them.',
  'wildcard.is_file': "{name} is one of the operator's files and cannot be removed in chat.",
} as const;
