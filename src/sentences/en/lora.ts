/** LoRAs and upscalers in files: what is not there, and what does not fit. */
export const lora = {
  'lora.replaced':
    'The LoRA {name} was replaced by another file after this was requested ({found}, not {hash}). Ask again to use the new one.',
  'lora.upscaler_replaced':
    'The upscaler {name} was replaced by another file after this was requested ({found}, not {hash}). Ask again to use the new one.',
  'lora.not_finite':
    '{name} holds numbers that are no numbers (NaN or infinite), at {tensor}: the file is damaged. Download it again, or leave it out.',
  'lora.none_installed': 'None are installed: put them into a folder of DARKROOM_MODELS.',
  'lora.none_called': 'There is no LoRA {name}. {offer}',
  'lora.unreadable': 'The LoRA {name} cannot be read.',
  'lora.no_upscaler_installed':
    'None are installed: put them into a folder of DARKROOM_MODELS, such as ESRGAN or upscale_models.',
  'lora.no_upscaler_called': 'There is no upscaler {name}. {offer}',
  'lora.upscaler_unreadable': 'The upscaler {name} cannot be read.',
} as const;
