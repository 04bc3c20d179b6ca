/** How command lines are read, and what of them is refused. */
export const command = {
  'command.missing': 'Add a command after the slash. Known: {names}.',
  'command.unknown': 'There is no /{name}. {offer}',
  'command.no_subcommand': '/{command} has no {name}. {offer}',
  'command.meant_line': 'Did you mean {line}?',
  'command.is_flag':
    'There is no /{name}. Settings stand behind the words of the picture: /imagine a red mug --{name} {rest}',
  'command.or_picture':
    'This could be a command: {lines}. If these words describe a picture, write /imagine {words}',
  'command.as_words': 'Drawn as plain words. If you meant the command, it begins with a slash: {line}',
  'command.unknown_option': 'Unknown option {name}. {offer}',
  'command.unknown_flag': 'Unknown flag {flag}. {offer}',
  'command.not_a_value': '{value} is not a value of {flag}. {offer}',
  'command.wrong_mention':
    '{flag} takes {wanted, select, user {a user} role {a role} other {a channel}}; {value} is {given, select, user {a user} role {a role} other {a channel}}.',
  'command.not_whole': '{flag} {value} is not a whole number from {min} to {max}.',
  'command.not_number': '{flag} {value} is not a number from {min} to {max}.',
  'command.outside': '{flag} {value} is outside {min} to {max}. Try {near}.',
  'command.not_integer': '{flag} {value} is not a whole number. Try {near}.',
  'command.range': '{min} to {max}',
  'command.needs_value': '{flag} needs a value, for example {flag} {example}.',
  'command.twice': '{flag} was given more than once; the last one, {value}, is used.',
  'command.no_words': '/{name} takes no words. Send only /{name}.',
  'command.nothing_more': '/{name} takes nothing after that; leave {words} out.',
  'command.size_twice': '--size {size} and --ar {ar} both set the size. Leave one out.',
  'command.first_of_several':
    'Only the first of {count} commands was read. Send each in a message of its own.',
  'command.other_parameters': 'Read as the parameters of another program, as far as they go.',
  'foreign.size': '{flag} is written as --size WIDTHxHEIGHT here.',
  'foreign.model': '{flag} is a flag of Midjourney. Choose a model with --model.',
  'foreign.quality':
    '{flag} is a flag of Midjourney. More detail comes with --steps, a larger picture with --upscale.',
  'foreign.stylize':
    '{flag} is a flag of Midjourney. How closely the prompt is followed is --cfg; looks are in /style list.',
  'foreign.chaos': '{flag} is a flag of Midjourney. Several different pictures come with --n 4.',
  'foreign.weight': '{flag} is a flag of Midjourney. How much of a picture is kept is --strength.',
  'foreign.not_here': '{flag} is a flag of Midjourney. It is not available here. Leave it out.',
  'foreign.turns': '{flag} is a flag of Midjourney. Jobs take turns by fair share. Leave it out.',
} as const;
