/** What the engine says of a request: what has no effect, and what it cannot do. */
export const engine = {
  'engine.guidance_idle': 'Guidance {guidance} has no effect: {model} was trained without guidance.',
  'engine.no_encoder': '{field} has no effect: {model} has no {ordinal} text encoder.',
  'engine.field_idle': '{field} has no effect: {model} does not read it.',
  'engine.clip_skip_idle': "clip_skip has no effect: {model} takes no states of a CLIP's layers.",
  'engine.guess_idle': 'guess_mode has no effect without a control.',
  'engine.embedding_of_other':
    'The embedding {name} was made for another family of models than {model}: its name is read as words.',
  'engine.upscaler_memory':
    'The upscaler {name} needs {needed} GB; {device} has {room} GB. Choose a smaller one, or lanczos.',
  'engine.memory': '{width}x{height} on {model} needs {needed} GB; {device} has {room} GB. {way}',
  'engine.ordinal.1': 'second',
  'engine.ordinal.2': 'third',
  'engine.the_negative_prompt': 'The negative prompt',
  'engine.idle_at_guidance': '{what} has no effect at guidance {guidance}; choose a value above {least}.',
  'engine.idle_on_model': '{what} has no effect on {model}, which draws without classifier-free guidance.',
  'engine.unread': 'The end of the {text} was not read, from “{words}”.',
  'engine.unread_t5': 'T5 did not read the end of the {text}, from “{words}”.',
  'engine.weights_idle':
    'Weights of words in the {text} have no effect: {encoder} reads the words as a sentence.',
  'engine.weight_range':
    '{value} in the {text} is outside the range from -{limit} to {limit}; {used} was used.',
  'engine.no_size_fits':
    'No size of it fits: choose a smaller model, or ask the operator for a device with more memory.',
  'engine.fits': '{width}x{height} fits.',
  'engine.text.prompt': 'prompt',
  'engine.text.negative': 'negative prompt',
  'engine.the_weight': 'The weight {weight}',
  'engine.a_weight': 'A weight',
} as const;
