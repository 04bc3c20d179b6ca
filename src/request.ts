/**
 * The one description of a picture to be made. A draft (what somebody typed) is checked here once, its gaps are
 * filled from the model's defaults, its seed is drawn; the result is frozen and travels unchanged to the engine and
 * into the PNG.
 */
export { diffusersClassOf, parseSampler, samplerOfConfig, scheduleOfConfig } from './diffusion/names.ts';
export { SAMPLER_NAMES, type SamplerName, samplerNamed } from './diffusion/samplers/index.ts';
export { SCHEDULES } from './diffusion/schedule.ts';
export { draftOfParameters } from './request/a1111.ts';
export {
  CONTROL_KINDS,
  type ControlDraft,
  type ControlKind,
  type ControlRequest,
  isNamedPose,
  POSES,
} from './request/controls.ts';
export type { ModelDefaults } from './request/defaults.ts';
export { parseDraft } from './request/draft.ts';
export {
  defaultsOfFewSteps,
  FEW_STEPS,
  FEW_STEPS_HABITS,
  type FewSteps,
  fewStepsIn,
  fewStepsOfFile,
  fewStepsOfScheduler,
  hintOfName,
} from './request/few-steps.ts';
export { type PictureWords, TEXT_FIELDS } from './request/fields/choices.ts';
export { type Embedding, type PartFile, type PictureFacts, shortName } from './request/fields/field.ts';
export type { PromptSyntax } from './request/fields/prompt.ts';
export { type GenerationRequest, type RequestDraft, ROWS } from './request/fields.ts';
export { freezeRequest } from './request/freeze.ts';
export { requestToJson } from './request/json.ts';
export { LIMITS } from './request/limits.ts';
export {
  type KnownLoras,
  type LoraDraft,
  type LoraRequest,
  loraLabel,
  lorasOf,
  loraTag,
  loraToJson,
} from './request/loras.ts';
export { inWordsOf, ofPicture, seedOfPicture } from './request/of-picture.ts';
export type { FieldOption, OptionType, OptionValue } from './request/option.ts';
export {
  draftOfOptions,
  FIELD_OPTIONS,
  notCarried,
  type OptionValues,
  optionOfField,
  optionsOfDraft,
} from './request/options.ts';
export { otherFiles } from './request/other-files.ts';
export { type OtherRecipe, readOtherRecipe } from './request/other-programs.ts';
export type { OutpaintRequest } from './request/outpaint.ts';
export { LARGEST_REFERENCE, referenceSize } from './request/references.ts';
export { REGIONS, type Region } from './request/regions.ts';
export { parseRatio, RATIO_TEXT, sizeOfRatio, withinRatio } from './request/sizes.ts';
export { noteTriggers } from './request/triggers.ts';
export {
  layEnlargedTiles,
  layTiles,
  type TilePlace,
  type UpscaleImageRequest,
} from './request/upscale-image.ts';
export {
  builtInUpscaler,
  type ChosenUpscaler,
  HIRES_UPSCALERS,
  type KnownUpscalers,
  upscalerFilesOf,
} from './request/upscalers.ts';
