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
  'engine.channels':
    'The denoiser of {model} reads {channels} channels; Darkroom runs denoisers of {own} channels, or {inpainting} for inpainting. Choose another model.',
  'engine.needs_mask':
    '{model} is an inpainting model: it needs a picture to start from and a mask. Attach both, or choose another model.',
  'engine.multiple': '{label} {side} is not a multiple of {multiple}, which {model} needs. Try {near}.',
  'engine.too_large':
    '{label} {side} is too large for {model}, which draws up to {limit}. Try {width}x{height}.',
  'engine.device_memory':
    '{device} has not enough free memory for this; another program may have taken it. Try a smaller size or fewer pictures, or close that program.',
  'engine.device_lost':
    '{device} stopped working, as after sleep or a reset of its driver. Ask again; if it happens again, the operator should restart the machine.',
  'engine.cause_guidance': 'Guidance {guidance} is the likely cause; try {usual}.',
  'engine.cause_weights':
    'The likely cause is damaged weights of {model}, or {sampler} with this scheduler_config.',
  'engine.not_finite': 'The latents became NaN or infinite at step {call} of {calls}. {cause}',
  'engine.precision_idle':
    '{precision} has no effect on {model}, which was drawn in float32: it is for models with a UNet.',
  'engine.cancelled': 'The job was cancelled.',
  'engine.stopped': 'The engine was stopped.',
  'engine.model_stopped': 'The model stopped in the middle of a picture.',
  'engine.device_unusable': '{device} cannot be used: {reason}. auto takes a device that works.',
  'engine.cuda_libraries':
    '{device} cannot be used: its CUDA libraries cannot be loaded. Run darkroom gpu install again; auto takes a device that works.',
  'engine.no_card': 'There is no {device}: nvidia-smi -L lists the cards.',
  'engine.no_webgpu':
    'webgpu cannot be used: no graphics driver was found. On Linux it needs libvulkan1 and the Vulkan driver of the card.',
  'engine.model_unloaded': 'The model could not be loaded. The operator finds the reason in the log.',
  'engine.out_of_memory':
    'This machine has run out of memory. Try a smaller size, or ask again when other programs have given some back.',
  'engine.cannot_refine':
    '{model} is an inpainting model, which cannot refine a picture. Set strength to 0, or choose another model.',
  'engine.thin_mask': 'The mask is too thin for a blur of {blur} pixels and was used without one.',
  'engine.no_picture':
    'The {network} of this model produced NaN or infinite values instead of a picture. Try another seed or size; if that does not help, its weights are damaged.',
  'engine.input_gone': '{what} is no longer available. Attach it again.',
  'engine.stopping': 'Darkroom is stopping. Ask again once it runs.',
  'engine.clip_skip':
    'clip_skip {clipSkip} is too high for {model}: its text encoder can skip at most {limit} layers. Try 0 or 1.',
  'engine.input.control': 'The {kind} control picture',
  'engine.input.reference': 'A reference picture',
  'engine.input.source': 'The picture to start from',
  'engine.input.mask': 'The mask',
  'engine.no_precision': '{asker} {precision} is not known. Use {known}.',
  'engine.cpu_precision':
    '{asker} {precision} is for the CPU: {names}. Leave it out, or choose the device cpu.',
  'engine.gpu_precision':
    '{asker} {precision} is for GPUs: {names}. Leave it out, or choose the device webgpu.',
  'engine.no_float16': '{asker} float16 cannot be used: {device} lacks it or gets it wrong. Use float32.',
  'engine.device_precision': '{device} computes in {precision}',
  'engine.int8_idle': '{asker} int8 is not used on this CPU: {reason}. Use float32.',
} as const;
