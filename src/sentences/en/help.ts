/** /help. */
export const help = {
  'help.no_command': 'There is no /{name}. {offer}',
  'help.text': 'Describe a picture and I draw it. Reply to a picture with words to change it.',
  'help.try': 'Try',
  'help.words': 'This small model knows these words best: {words}.',
  'help.model': '{name} draws here: {abilities}.',
  'help.option': '{flag}: {description} ({range})',
  'help.description': '{description} ({range})',
  'help.usage': '{description} {usage}',
} as const;
