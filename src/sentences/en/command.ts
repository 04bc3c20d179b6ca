/** How command lines are read, and what of them is refused. */
export const command = {
  'command.missing': 'Add a command after the slash. Known: {names}.',
  'command.unknown': 'There is no /{name}. {offer}',
  'command.no_subcommand': '/{command} has no {name}. {offer}',
} as const;
