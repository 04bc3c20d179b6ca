/** What is said of any error, and the tails of sentences about wrong names. */
export const error = {
  'error.internal': 'Something went wrong here. The operator finds the reason in the log.',
  'error.database_away':
    'Darkroom cannot reach its database just now. What was accepted is not lost; ask again in a minute.',
  'error.disk_full':
    "The disk of Darkroom's database is full. What was accepted is not lost; ask again when the operator has freed some of it.",
  'error.did_you_mean': 'Did you mean {names}?',
  'error.known': 'Known: {names}.',
  'error.row': '{first} {second}',
  'error.model_files': '{reason}',
} as const;
