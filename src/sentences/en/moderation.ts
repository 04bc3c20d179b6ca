/** Pictures that are checked, and prompts that break a rule. */
export const moderation = {
  'moderation.refused':
    'The check of pictures here did not let this one through, so it was not kept. Try another description.',
} as const;
