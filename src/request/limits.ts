/** Fixed limits of a request; a model's own limits are narrower (ModelDefaults). */
export const LIMITS = {
  promptCharacters: 10_000,
  steps: { min: 1, max: 150 },
  guidance: { min: 0, max: 30, artefactsAbove: 15 },
  images: { min: 1, max: 8 },
  size: { min: 8, max: 2048, multiple: 8 },
  seed: { min: 0, max: 2 ** 32 - 1 },
  clipSkip: { min: 0, max: 12 },
  /** Tokens of the T5 encoder. */
  sequence: { min: 1, max: 512 },
  /** SDXL's sizes and crops, which are told to the model and need not be sizes that it can draw. */
  told: { min: 0, max: 16_384 },
  /** Standard deviation of a mask's blur, in pixels. */
  maskBlur: { min: 0, max: 64 },
  /** Pixels around the masked part. */
  maskPadding: { min: 0, max: 512 },
  controls: 5,
  /** Pictures that a model sees beside its drawing. */
  references: 4,
  loras: 8,
  loraWeight: { min: -10, max: 10 },
  controlScale: { min: 0, max: 5 },
  hiresScale: { min: 1, max: 4 },
  upscaleScale: { min: 1, max: 8 },
  zoom: { min: 1, max: 3 },
} as const;
