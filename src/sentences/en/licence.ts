/** What the licences of models allow, and what a server takes. */
export const licence = {
  'licence.if_revenue': 'below a yearly revenue of {amount} US dollars',
  'licence.if_users': 'below {amount} users a month',
  'licence.if_shared': 'where changed versions of the model are published under the same licence',
  'licence.yes': '{licence}, allows commercial use',
  'licence.no': '{licence}, not for commercial use',
  'licence.conditional': '{licence}, allows commercial use only {condition}',
  'licence.unclear': '{licence}; whether it allows commercial use is not known',
  'licence.unnamed_yes': 'allows commercial use',
  'licence.unnamed_no': 'not for commercial use',
  'licence.unknown': 'not known',
  'licence.stated': '{terms} (stated by an admin)',
  'licence.state_it':
    '{terms}. An admin can state it: /models set {name} --licence NAME, or --commercial yes or no',
  'licence.refused':
    'This server only uses what is licensed for commercial use. The {kind} {name} cannot be used here; its licence: {terms}. {others}',
  'licence.refused_lent':
    'This server only uses what is licensed for commercial use. The model {model} takes its {part} from {name}, which cannot be used here; its licence: {terms}. {others}',
  'licence.others': 'You can use: {names}.',
  'licence.no_others': 'None that is installed can be used; an admin can state a licence with /models set.',
  'licence.no_others_here': 'Leave it out, or ask an admin to state its licence with /models set.',
  'licence.remain':
    '{count, plural, one {# of {all} models remains} other {# of {all} models remain}}: {names}.',
  'licence.none_remain':
    'No installed model has a licence that is known to allow commercial use, so every request will be refused. State licences that you know: /models set NAME --commercial yes',
  'licence.default_lost':
    'The default model {name} is not among them. Choose another one: /config set default_model {other}',
  'licence.kept_out':
    '{terms}. Requests with it are refused: this server takes only what is licensed for commercial use (commercial_only).',
  'licence.kept_out_lent':
    '{terms}. Requests with it are refused: it takes a part from another file, and this server takes only what is licensed for commercial use (commercial_only).',
  'licence.set_but_refused':
    'Requests with {names} are refused all the same: this server takes only what is licensed for commercial use (commercial_only).',
  'licence.left_out':
    '{count, plural, one {# file is} other {# files are}} left out, since only what is licensed for commercial use may be used here.',
  'licence.no_name': 'Write the name of the licence: --licence apache-2.0.',
  'licence.is_set': 'For {name} an admin states {flags}. That changes no picture.',
  'licence.say_which':
    'Whether {licence} allows commercial use is not known, so it counts as not allowed. If you know it, add --commercial yes or no.',
  'models.set_only_licence': 'Only --licence and --commercial can be set for {name}: it is no model.',
  'models.which_kind': 'Several files are called {name}. Write one of: {names}.',
  'describe.models.licence': 'The licence, where its files do not name it: apache-2.0.',
  'describe.models.commercial': 'Whether the licence allows commercial use.',
} as const;
