/** LoRAs and upscalers in files: what is not there, and what does not fit. */
export const lora = {
  'lora.replaced':
    'The LoRA {name} was replaced by another file after this was requested ({found}, not {hash}). Ask again to use the new one.',
  'lora.upscaler_replaced':
    'The upscaler {name} was replaced by another file after this was requested ({found}, not {hash}). Ask again to use the new one.',
  'lora.not_finite':
    '{name} contains NaN or infinite values in the layer {layer}: the file is damaged. Download it again, or leave it out.',
  'lora.none_installed': 'None are installed: put them into a folder of DARKROOM_MODELS.',
  'lora.none_called': 'There is no LoRA {name}. {offer}',
  'lora.unreadable': 'The LoRA {name} cannot be read.',
  'lora.no_upscaler_installed':
    'None are installed: put them into a folder of DARKROOM_MODELS, such as ESRGAN or upscale_models.',
  'lora.no_upscaler_called': 'There is no upscaler {name}. {offer}',
  'lora.upscaler_unreadable': 'The upscaler {name} cannot be read.',
  'lora.idle': '{name} has no effect: its alpha is 0 in all of its layers.',
  'lora.idle_layers': '{name}: {idle} of {modules} layers have no effect, as their alpha is 0.',
  'lora.other_kind':
    '{name} is {kind}, which this version of Darkroom does not support. LoRA, LoHa, LoKr, DoRA and full differences work.',
  'lora.adapters':
    '{name} holds {count} adapters ({adapters}); Darkroom reads one from a file. Save each adapter in a file of its own.',
  'lora.dtype': '{name} stores {tensor} as {dtype}; a LoRA can be stored as {known}.',
  'lora.broken': '{name} cannot be used: {what}. Download the file again, or leave it out.',
  'lora.of_other':
    '{name} is a LoRA for {origin} and does not fit {model}: {fitting} of its {total} tensors belong there. Choose a model of its family, or leave the LoRA out.',
  'lora.of_kin':
    '{name} is a LoRA for {origin} and does not work on {model}. Choose a model of its family, or leave the LoRA out.',
  'lora.foreign':
    '{name} is no LoRA that fits {model}: {fitting} of its {total} tensors belong there. Choose another model, or leave it out.',
  'lora.no_vae_installed': 'None are installed: they belong in a folder of DARKROOM_MODELS, such as vae.',
  'lora.no_vae_called': 'There is no VAE {name}. {offer}',
  'lora.other_vae':
    'The VAE {name} has {channels} latent channels, one for {factor}x{factor} pixels; {model} needs {own}, one for {ownFactor}x{ownFactor}. Choose a VAE of the same family.',
  'lora.unused': '{name}: used {used} of {total} tensors; this model has no place for {tensors}.',
  'lora.unused_more':
    '{name}: used {used} of {total} tensors; this model has no place for {tensors} and {more} more.',
  'lora.for_another': '{name} was made for another model',
  'lora.for': '{name} is a LoRA for {origin}',
  'lora.without_weight': 'has no weight',
  'lora.of_size': 'is {size}',
  'lora.misfit':
    '{whose} and does not fit {model}: {layer} changes a layer of {rows} x {columns}, which {here} there. Choose a model of its family, or leave the LoRA out.',
} as const;
