/** /recipe: what made a picture. */
export const recipe = {
  'recipe.hidden': 'Recipes are not public here: only {name} and admins can see this one.',
  'recipe.whose': 'Whose recipe? Reply to a picture with /recipe, or attach one.',
  'recipe.made_by': 'What made this picture:',
  'recipe.made_by_file': 'What made this picture, as the file says:',
  'recipe.made_by_program': 'What made this picture, as {program} wrote it:',
  'recipe.none':
    'This picture carries no recipe. Pictures that were saved again by other programs often lose it.',
  'recipe.as_far': 'The command goes as far as both programs agree; the picture may differ.',
  'recipe.as_far_model':
    'The command goes as far as both programs agree; the picture may differ. It was made with {model}; add --model for one that is here.',
  'recipe.not_carried': 'The command cannot carry everything. {missing}',
  'recipe.prompt': 'Prompt',
  'recipe.negative': 'Negative prompt',
  'recipe.model': 'Model',
  'recipe.seed': 'Seed',
  'recipe.steps': 'Steps',
  'recipe.guidance': 'Guidance',
  'recipe.sampler': 'Sampler',
  'recipe.schedule': 'Schedule',
  'recipe.size': 'Size',
  'recipe.strength': 'Strength',
  'recipe.parameters': 'Parameters',
  'recipe.command': 'Command',
} as const;
