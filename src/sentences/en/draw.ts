/** How a request was read, and what is missing in it. */
export const draw = {
  'draw.not_in_prompt': 'The prompt does not say "{word}", so the change was added to it.',
  'draw.changed': "Read as a change of the picture's prompt: {prompt}.",
  'draw.changed_negative': "Read as a change of the picture's prompt: {prompt}. Negative prompt: {negative}.",
  'draw.no_subject':
    'Say what to draw, for example: a red mug on a table, watercolor. Or attach a picture to start from.',
  'draw.address': 'Pictures are not fetched from {host}. Attach the picture instead.',
  'draw.that_address': 'that address',
  'draw.other_files': 'Not used, as no picture: {names}.',
  'draw.other_files_more': 'Not used, as no picture: {names} and {more} more.',
  'draw.nothing_to_edit':
    'There is no picture to edit. Reply to a picture or attach one, and say what it should become.',
  'draw.attached_used': 'The attached picture was used, and not the one of the message that you replied to.',
  'draw.no_picture_option': 'The option {option} does not take a picture.',
  'draw.too_many_references':
    'You attached {count} pictures; {limit} can be used at most to edit from, beside a mask.',
  'draw.too_many_pictures':
    'You attached {count} pictures; at most three can be used: a source, a mask and a control picture.',
  'draw.mask_alone': 'A mask needs a picture to redraw. Attach the picture too, or reply to it.',
  'draw.not_transparent': 'The picture has no transparent part. Choose another region, or attach a mask.',
  'draw.mostly_transparent':
    '{share} % of the picture is transparent. Add --region transparent to redraw that part, or send the picture with a background to change all of it.',
  'draw.filled_white': 'The transparent part of the picture was filled with white.',
  'draw.pose_and_control': '--pose {pose} and --control {control} cannot be combined. Leave one out.',
  'draw.control_needs_picture': '--control {kind} needs a picture to follow. Attach one, or reply to one.',
  'draw.say_control': 'Add what to take from the control picture, for example --control canny.',
  'draw.no_controlnets':
    "{model} has no ControlNets and cannot follow a picture's {kind}. Choose another model.",
  'draw.no_controlnet': '{model} has no ControlNet for {kind}. {offer}',
  'draw.first_of': 'Started from the first of {count} pictures.',
  'draw.reply_without_picture':
    'The message you replied to has no picture. Reply to one that has, or send the prompt without replying.',
  'draw.source_deleted': 'The picture to start from was deleted. Choose another one.',
  'draw.uploaded_picture': 'Uploaded picture',
  'draw.uploaded_mask': 'Uploaded mask',
  'draw.uploaded_control': 'Uploaded control picture',
  'draw.untaught':
    'This small model was not taught: {words}. It knows {known} and more: /help lists its words.',
  'draw.untaught_more':
    'This small model was not taught: {words} and {more} more. It knows {known} and more: /help lists its words.',
  'draw.no_nets': 'There is no ControlNet {name}. None are installed.',
  'draw.no_net': 'There is no ControlNet {name}. {offer}',
  'draw.net_of_no_kind':
    'Nothing tells what pictures the ControlNet {name} follows. Add --control {kinds}: raw takes the picture as it is.',
} as const;
