/** Prompts with choices and wildcards: what cannot be drawn, and what has no effect. */
export const choices = {
  'choices.too_much': 'The prompt {what} once its choices are drawn. Use fewer of them.',
  'choices.too_many': 'makes more than {limit} choices',
  'choices.too_long': 'becomes longer than {limit} characters',
  'choices.no_folder':
    'The folder of wildcards (DARKROOM_WILDCARDS) cannot be read. The operator can correct its path or its permissions.',
  'choices.large_list':
    'The wildcard {name} is a file of {size} bytes; the limit is {limit}. Ask the operator to shorten it.',
  'choices.round': 'The wildcard {name} calls itself: {round}. An admin can change that list.',
  'choices.many_lists': 'The prompt calls more than {limit} wildcards. Use fewer.',
  'choices.empty': 'The wildcard {name} has no lines.',
  'choices.no_list': 'There is no wildcard {name}. Did you mean {near}?',
  'choices.bad_weight': 'A weight in braces is a number from 0 to 999999, as in {example}; {typed} is none.',
  'choices.bad_count':
    'How many are taken is a whole number from 0 to 999, as in {example}; {typed} is none.',
  'choices.few': '{typed} has {count, plural, one {# choice} other {# choices}} to take from, not {asked}.',
  'choices.none_taken': '{typed} takes none of its choices.',
  'choices.no_weight': 'All choices have the weight 0, so that none can be drawn. Give one of them more.',
  'choices.deep': 'The prompt has choices that lie more than {limit} deep in each other. Use fewer braces.',
  'choices.no_value':
    'The variable {typed} has no value yet. Write one before it, as in {example}; {flag} draws it as words.',
  'choices.near_value': 'The variable {typed} has no value yet. Did you mean {near}?',
  'choices.own_value': 'The value of {typed} uses {typed} itself. Give it a value without that.',
  'choices.sampler': 'The {sign} in {typed} has no effect: the seed draws what is taken.',
} as const;
