/** What pressing a button says and refuses. */
export const action = {
  'action.unknown': 'Unknown button {verb}. {offer}',
  'action.no_such_picture':
    '{count, plural, one {That message has # picture.} other {That message has # pictures.}}',
  'action.choose_picture': 'That message has {count} pictures. Choose one of them.',
  'action.no_picture_yet': 'That message has no picture yet. Wait for it, or choose another one.',
  'action.same_pixels': 'Every pixel is the same as before.',
  'action.other_files':
    'The picture differs from before: since then, other files have been put in the place of {names}.',
  'action.other_pixels': 'Some pixels differ from before: another device, precision or version drew them.',
  'action.ended': 'That job has already ended.',
  'action.job_gone': 'That job no longer exists. Send the prompt again.',
  'action.deleted_for_good': 'It is deleted for good by now.',
  'action.delete_sure': 'Delete this picture for good?',
  'action.not_yours_to_cancel': 'Only {name}, who requested this picture, and admins can cancel it.',
  'action.not_yours_to_delete': 'Only {name}, who requested this picture, and admins can delete it.',
  'action.upscaled_stays':
    'An upscaled picture comes out the same each time. Use Vary, or re-roll the picture before it.',
  'action.choose_control': 'Choose what to take from the picture: its edges, pose, lines or depth.',
  'action.say_edit': 'Describe what the picture should become: reply to it with a prompt.',
  'action.say_use': 'Describe what to draw with the shape of this picture.',
  'action.inpainting_model': 'Drawn by {model}, the inpainting model of the same family.',
  'action.largest_here': 'This picture is already {size}; pictures have at most {limit} pixels a side here.',
  'action.largest_of_model':
    'This picture is already {size}; this model draws at most {limit} pixels a side.',
} as const;
