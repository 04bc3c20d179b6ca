/** /style. */
export const style = {
  'style.list': 'Styles for /imagine --style:',
  'style.without': '{template}\nwithout: {negative}',
  'style.built_in': '{name} is built in. Add a style of the same name to replace it.',
  'style.none': 'There is no style {name}. {offer}',
  'style.none_added': 'There is no style {name}. No styles have been added yet.',
  'style.bad_name': '{name} is not a valid style name. Use up to 40 letters, digits, spaces, - and _.',
  'style.no_place':
    "The template has no '{prompt}'. Put it where the words of the user go, for example: '{prompt}', oil painting.",
} as const;
