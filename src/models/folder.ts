/** Opens a model folder in diffusers' layout. Only headers and JSON are read; the weights stay where they are. */
import { basename } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { Component, Graph } from '../graph/component.ts';
import type { Target } from '../graph/target.ts';
import { readUpscalerConfig, upscalerGraph } from '../graph/upscaler.ts';
import { isVaePart, vaeGraph } from '../graph/vae.ts';
import { readVaeConfig, type VaeConfig } from '../graph/vae-config.ts';
import { defaultsOfFewSteps, fewStepsOfScheduler } from '../request.ts';
import { readCard } from './card.ts';
import { modelControlnets } from './controlnet.ts';
import { chooseDefaults } from './defaults.ts';
import type { FamilyModel, Size } from './families/family.ts';
import { ModelFiles } from './files.ts';
import { hashOfWeights } from './hashes.ts';
import { readLatentScale } from './latent-scale.ts';
import { readModelIndex, readScheduler } from './model-index.ts';
import { findSafetyChecker } from './safety.ts';
import type { ModelSource } from './source.ts';
import type { ComponentName, ModelSpec } from './spec.ts';

/**
 * @param path of a folder that holds model_index.json
 * @param name under which the catalogue knows it; the folder's own name where left out
 * @throws DarkroomError('not_found' | 'bad_model' | 'unsupported') with a sentence that names file and value
 */
export async function openModelFolder(path: string, name?: string): Promise<ModelSpec> {
  const files = await ModelFiles.at(path);
  return openModel(files, name ?? basename(files.folder));
}

/**
 * @param name under which the catalogue knows it
 * @throws as openModelFolder
 */
export async function openModel(files: ModelSource, name: string): Promise<ModelSpec> {
  const { family, index } = await readModelIndex(files);
  const model = await family.open(files, index);
  const vae = await files.component('vae', 'diffusion_pytorch_model');
  const vaeConfig = readVaeConfig(vae);
  const upscaler = (await files.has('upscaler/config.json'))
    ? await files.component('upscaler', 'model')
    : undefined;
  const vaeScale = readLatentScale(vae, vaeConfig.latentChannels);
  const vaeScaleFactor = 2 ** (vaeConfig.blockOutChannels.length - 1);
  const sizeMultiple = vaeScaleFactor * model.denoiser.patchSize;
  checkLatents(vaeConfig, model, { width: sizeMultiple, height: sizeMultiple });
  const safetyChecker = await findSafetyChecker(files, index);
  const scheduler = await readScheduler(files, index);
  const { defaults, ...card } = await readCard(files, model.denoiser.outChannels);
  const { strengthSteps, squeezesSteps } = model.habits({ controls: [] });
  const pipeline = { ...family.defaults, ...model.defaults };
  const fewSteps =
    pipeline.numInferenceSteps > MANY_STEPS
      ? fewStepsOfScheduler(scheduler.schedulerConfig, model.denoiser.component.config['sample_size'])
      : undefined;
  let hash: Promise<string> | undefined;
  return {
    ...model,
    ...card,
    name,
    folder: files.folder,
    family: family.name,
    defaults: chooseDefaults(defaults, {
      pipeline: { ...pipeline, ...(fewSteps !== undefined && defaultsOfFewSteps(fewSteps)) },
      ...scheduler,
      denoiser: model.denoiser,
      vaeScaleFactor,
      sizeMultiple,
      ...(model.editsByInstruction === true && { editsByInstruction: true }),
      runsAtAnyStrength: strengthSteps === 'part' || squeezesSteps,
      ...(upscaler !== undefined && { enlarges: readUpscalerConfig(upscaler).upscale }),
    }),
    vae,
    ...(upscaler !== undefined && { upscaler }),
    ...(fewSteps !== undefined && { fewSteps }),
    ...(safetyChecker !== undefined && { safetyChecker }),
    latentChannels: vaeConfig.latentChannels,
    vaeScaleFactor,
    sizeMultiple,
    latentScales: (isMasked) => model.latentScales(vaeScale, isMasked),
    schedulerConfig: scheduler.schedulerConfig,
    controlnets: await modelControlnets(files),
    graph: (part, target) => buildGraph(model, { vae, upscaler }, part, target),
    isCurrent: () => files.isUnchanged(),
    modelHash() {
      hash ??= hashOfWeights(model.denoiser.component).catch((error) => {
        hash = undefined;
        throw error;
      });
      return hash;
    },
  };
}

/** A family whose models all draw in fewer has defaults of its own for that. */
const MANY_STEPS = 10;

function buildGraph(
  { textEncoders, denoiser }: FamilyModel,
  { vae, upscaler }: { readonly vae: Component; readonly upscaler: Component | undefined },
  part: ComponentName,
  target: Target,
): Graph {
  if (part === 'denoiser') return denoiser.graph([], target);
  if (isVaePart(part)) return vaeGraph(part, vae, target);
  if (part === 'upscaler' && upscaler !== undefined) return upscalerGraph(upscaler, target);
  const encoder = textEncoders.find(({ name }) => name === part);
  if (encoder === undefined) throw new Error(`this model has no ${part}`);
  return encoder.graph(target);
}

/** @throws DarkroomError('bad_model') where the VAE was not trained together with the denoiser */
function checkLatents(
  { latentChannels, blockOutChannels, squares }: VaeConfig,
  { denoiser: { label, outChannels }, latentShape }: FamilyModel,
  size: Size,
): void {
  const scaleFactor = 2 ** (blockOutChannels.length - 1);
  const [, channels] = latentShape(size, { channels: latentChannels, scaleFactor });
  const made = latentChannels * (squares?.area ?? 1);
  if (channels === outChannels && made === outChannels) return;
  const asRead = channels === latentChannels ? '' : `, which the ${label} would read as ${channels}`;
  const why =
    channels === outChannels
      ? `The VAE ${squares === undefined ? 'lacks' : 'has'} the statistics of latents (bn.running_mean) that FLUX.2's has`
      : `The VAE has ${latentChannels} latent channels${asRead}; the ${label} has ${outChannels}`;
  throw new DarkroomError('bad_model', `${why}: the parts come from different models.`);
}
