/** /style. */
export const style = {
  'style.list': 'Styles for /imagine --style:',
  'style.without': '{template}\nwithout: {negative}',
  'style.built_in': '{name} is built in. Add a style of the same name to replace it.',
  'style.none': 'There is no style {name}. {offer}',
  'style.none_added': 'There is no style {name}. No styles have been added yet.',
  'style.bad_name': '{name} is not a valid style name. Use up to 40 letters, digits, spaces, - and _.',
  'style.yours': '{name} (yours)',
  'style.hidden': '{name} (for you, your own style of that name is used)',
  'style.is_yours': 'A style of your own: only you see and use it, everywhere.',
  'style.is_shared': 'Added by an admin for everybody here.',
  'style.is_built_in': 'Built in.',
  'style.precedence':
    'There is another style {name} here; when you write --style {name}, your own one is used. For everybody else nothing changes.',
  'style.own_added':
    'Added as a style of your own: --style {name} works for you everywhere, and nobody else sees it.',
  'style.own_changed': 'Your own style {name} was changed.',
  'style.own_removed': 'Your own style {name} was removed.',
  'style.again_shared': '--style {name} now means the other style of that name here.',
  'style.too_many': 'You have {limit} styles of your own, which is the limit. Remove one with /style remove.',
  'style.only_mine': 'Only {admins} can add styles for everybody. Add --mine, and it is a style of your own.',
  'describe.style.show': 'Show a style.',
  'describe.style.mine': 'A style of your own, which only you see and use.',
  'describe.style.remove_mine': 'on: only a style of your own; off: only one of the admins.',
  'style.no_place':
    "The template has no '{prompt}'. Put it where the words of the user go, for example: '{prompt}', oil painting.",
} as const;
