/** What of a request is refused before it is queued, and what is said of its values. */
export const request = {
  'request.control_start': 'control start {start} is not below its end {end}. Try 0 to 1, all of the steps.',
  'request.loras_differ':
    'The choices draw another LoRA for each picture, and one request has the same LoRAs for all. Ask for one picture at a time.',
  'request.nothing_to_enlarge':
    'upscaler {upscaler} has nothing to enlarge. Add --upscale 2, or --upscale-image 2 with a picture.',
  'request.refine_strength':
    'strength {strength} would draw another picture; upscale_image takes 0 to {limit}. Use --upscale to redraw it larger.',
  'request.upscale_needs_picture': 'upscale_image needs a picture. Attach one or reply to one.',
  'request.upscale_and': 'upscale_image and {other} do not go together. Leave one out.',
  'request.upscale_one': 'upscale_image makes one picture. Leave the count out.',
  'request.outpaint_needs_picture': 'zoom and pan need a picture. Attach one or reply to one.',
  'request.outpaint_and': 'outpaint and {other} do not go together. Leave one out.',
  'request.needs_picture': '{option} needs a picture to start from. Attach one or leave it out.',
  'request.needs_mask': '{option} needs a mask_image. Give one or leave it out.',
  'request.no_own_upscaler': 'enlarge: {model} has no upscaler of its own. Leave it out.',
  'request.hires_and_mask': 'hires and mask_image do not go together. Leave one out.',
  'request.bad_lora_tag':
    '{tag} cannot be read. Write <lora:NAME:0.8>, or <lora:NAME:0.5:0.8> for the text encoders and the rest.',
  'request.many_loras': '{count} LoRAs are given; up to {limit} work together. Leave some out.',
  'request.other_lora':
    'The LoRA {name} here is another file than the one asked for ({hash}, not {asked}): the picture may differ.',
  'request.lora_at_zero': 'The LoRA {name} has no effect at weight 0.',
  'request.outpaint_nothing': 'outpaint adds nothing at zoom 1. Try zoom 1.5, or pan left.',
  'request.not_multiple': '{label} {side} is not a multiple of {multiple}. Try {near}.',
  'request.beyond_model':
    '{label} {side} is beyond this model; it draws up to {limit}. Try {width}x{height}.',
  'request.bad_ratio': '--ar {text} is not a proportion from 1:4 to 4:1. Try --ar 3:2.',
  'request.no_step': '{label} {strength} of {steps} steps leaves no step to run. Try {least} or more.',
  'request.too_large': 'The picture would be {width}x{height}; at most {limit} pixels a side are allowed.',
  'request.not_larger':
    "upscale_image makes pictures larger; {width}x{height} is smaller than the picture's {ownWidth}x{ownHeight}.",
  'request.latent_elsewhere':
    '{label}: latent is for a second pass, as in --upscale 2. Try lanczos, or the name of an upscaler.',
  'request.model_has_none':
    '{label}: this model has no upscaler of its own. Try lanczos, or the name of an upscaler.',
  'request.not_size': '--{flag} {value} is not WIDTHxHEIGHT. Try --{flag} 256x256.',
  'request.not_crop': '--crop {value} is not TOP,LEFT. Try --crop 0,0.',
  'request.high_guidance':
    'Guidance {guidance} often brings burnt colours and artefacts; {usual} suits this model.',
  'request.no_schedule': 'Unknown schedule {name}. {offer}',
  'request.no_sampler': 'Unknown sampler {name}. {offer}',
  'request.sampler_schedule': '{sampler} has no schedule {name}. It has {schedules}.',
  'request.settings_in_words':
    'Read as plain words: {words}. Settings are written as flags, for example --seed 42 --ar 16:9.',
  'request.plain_words':
    "Read as plain words: {words}. Prompts take weights, (red:1.3), choices, '{red|blue}', and BREAK.",
  'request.picture_is': 'The picture is {width}x{height}',
  'request.picture_on_canvas': 'On that canvas the picture would be {width}x{height}',
  'request.outpaint_small': '{what}; at least {least} pixels on each side are needed to draw on from it.',
  'request.outpaint_outside':
    'outpaint: a picture of {keptWidth}x{keptHeight} at {left},{top} is not inside {width}x{height}.',
  'request.outpaint_fields':
    'outpaint takes zoom and pan; width, height, left, top, kept_width and kept_height go together.',
  'request.outpaint_reduced':
    'The picture was made smaller, from {width}x{height} to {keptWidth}x{keptHeight}, so that the result is not larger than {limit} pixels.',
  'request.reference_small':
    'A picture to edit needs {least} pixels or more on each side; this one has {width}x{height}.',
  'request.reference_narrow':
    'A picture to edit can be at most {ratio} times as long as it is wide; this one has {width}x{height}. Crop it.',
  'request.other_words':
    'picture_words has the words of {words} pictures, and {count} are asked for. Leave it out.',
  'request.no_references':
    'reference_images: {model} cannot edit by reference pictures. Give one picture as image, which it redraws, or choose a FLUX.2 klein model.',
  'request.many_references':
    '{count} pictures are too many to edit from; the limit is {limit}. Leave some out.',
  'request.strength_idle':
    'Strength {strength} has no effect: {model} edits by instruction, with the picture as its reference.',
  'request.two_samplers':
    "sampler {sampler} and scheduler_config's _class_name {className} name two samplers. Leave one out.",
  'request.hires_size': 'hires takes either scale, or width and height. Try scale 2.',
  'request.upscale_size': 'upscale_image takes either scale, or width and height. Try scale 2.',
  'request.left_controls': 'Its {count} controls: a command takes one.',
  'request.left_control_picture': 'The picture that --control {kind} follows: attach it, or reply to it.',
  'request.left_source': 'The picture that it started from: send the command as a reply to it, or attach it.',
  'request.left_reference':
    'The picture that it was edited from: send the command as a reply to it, or attach it.',
  'request.left_references': 'The pictures that it was edited from: attach them in their order.',
  'request.left_mask': 'The mask: attach it as mask.png beside the picture.',
  'request.not_json': '--{flag} is not JSON: {value}',
} as const;
