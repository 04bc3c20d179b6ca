/** /sweep, its settings and quotas. */
export const sweep = {
  'describe.sweep': 'Draw a picture with several values of one to three options, as one labelled grid.',
  'describe.sweep.prompt': 'What to draw, then the values: steps=10,20,30 cfg=3..9+2',
  'button.start': 'Start',
  'sweep.no_axis':
    'Say which options to vary, for example: /sweep a red mug steps=10,20,30 cfg=3..9+2. Values are listed with commas, or as a range: 3..9+2 is 3, 5, 7, 9.',
  'sweep.many_axes':
    'You vary {count} options; a sweep has at most {limit}: columns, rows and panels. Give the others one value, as in --steps 20.',
  'sweep.axis_twice': '{option} is given twice. Put all of its values in one list, as in {option}=1,2,3.',
  'sweep.value_twice': '{option} has the value {value} twice. Leave one out.',
  'sweep.bad_values':
    '{option}={typed} cannot be read. List values with commas (10,20,30), or write a range of numbers: 3..9+2 is 3, 5, 7, 9, and 1..0-0.5 is 1, 0.5, 0.',
  'sweep.unknown_option': 'There is no option {name} to vary. {offer}',
  'sweep.too_many': 'This sweep would make {count} pictures or more; the limit is {limit}. Use fewer values.',
  'sweep.of_pictures': 'a sweep of {count, plural, one {# picture} other {# pictures}}',
  'sweep.one_each': 'A sweep draws one picture for each value. Leave --n out, or vary the seed: seed=1..4.',
  'sweep.no_draft':
    'A sweep draws no drafts. Leave --draft out; fewer steps, such as --steps 4, are quick too.',
  'sweep.offer':
    'This sweep makes {count, plural, one {# picture} other {# pictures}}, which takes about {time} of GPU time.',
  'sweep.of_day': 'That is {seconds} of the {limit} GPU-seconds that you may use in 24 hours.',
  'sweep.of_waiting': 'You may have {limit} pictures waiting; this takes {count} of them.',
  'sweep.not_yours': 'Only {name} can start or cancel this sweep.',
  'sweep.is_started': 'This sweep was started already, or cancelled.',
  'sweep.is_none': 'This is not a sweep.',
  'sweep.open_one': 'This is a sweep of {count} pictures. Open one of them first: its buttons are there.',
  'sweep.progress': '{step} of {steps} pictures, {time} left',
  'sweep.pictures': '{count, plural, one {# picture} other {# pictures}}',
  'sweep.open': 'Open a picture',
  'sweep.open_further': 'Open a picture ({first} to {last})',
  'sweep.alt': '{prompt}: a grid of pictures that differ in {options}',
  'sweep.cell_alt': '{prompt} ({label})',
  'sweep.made_by': 'What makes this sweep again:',
  'sweep.cell_failed': '{label} failed: {reason}',
  'sweep.more_failed': '{count, plural, one {# more failed.} other {# more failed.}}',
  'sweep.cancelled_cells': 'Cancelled: {count} of {of} pictures were not drawn.',
  'sweep.failed_here': 'Failed: {reason}',
  'sweep.held_here': 'Waits for a reviewer',
  'sweep.cancelled_here': 'Cancelled',
  'sweep.cell_gone': 'Deleted',
  'quota.sweep_at_once':
    'This sweep makes {count} pictures; you may have {limit} waiting. Use fewer values, so that it makes {limit} or fewer.',
  'quota.sweep_beyond_own':
    'This sweep takes about {cost} GPU-seconds; your limit is {limit} in 24 hours. Use fewer values, fewer steps or a smaller size.',
  'quota.sweep_beyond_server':
    "This sweep takes about {cost} GPU-seconds; the server's limit is {limit} in 24 hours. Use fewer values, fewer steps or a smaller size.",
  'setting.max_sweep':
    '{count, plural, one {A sweep makes at most # picture.} other {A sweep makes at most # pictures.}}',
  'setting.no_sweeps': 'Sweeps are off.',
} as const;
