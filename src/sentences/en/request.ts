/** What of a request is refused before it is queued, and what is said of its values. */
export const request = {
  'request.control_start': 'control start {start} is not below its end {end}. Try 0 to 1, all of the steps.',
  'request.loras_differ':
    'The choices draw another LoRA for each picture, which takes a request each. Ask for one picture.',
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
  'request.plain_words':
    "Read as plain words: {words}. Prompts take weights, (red:1.3), choices, '{red|blue}', and BREAK.",
} as const;
