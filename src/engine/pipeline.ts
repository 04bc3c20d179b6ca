/** The engine: requests to runs over models that stay open between them. It runs in a process of its own. */
import { performance } from 'node:perf_hooks';
import type { Engine, Job } from '../job.ts';
import { Catalogue } from '../models/catalogue.ts';
import type { ModelSpec } from '../models/spec.ts';
import { openDetectors } from './control/controls.ts';
import { AdaptedModels, readLoras } from './lora/loras.ts';
import { ModelCache, type ModelLease } from './model/model-cache.ts';
import { draftJob, prepareJob } from './prepare.ts';
import type { EngineOptions } from './process/process.ts';
import { PictureRun, type PipelineRun } from './run.ts';
import { draftUpscale, openUpscale } from './upscale.ts';

/** Models whose sessions stay open while no run uses them. */
const MODELS_KEPT = 2;

export interface Pipeline extends Engine {
  open(job: Job): Promise<PipelineRun>;
  /** Opens what the first text-to-image job of a model would wait for. */
  warm(model: string): Promise<void>;
  /** Frees all models. Runs that are still open fail at their next step. */
  close(): Promise<void>;
}

export async function createEngine(options: EngineOptions): Promise<Pipeline> {
  const { models } = options;
  const device = { ...options.device, sideFiles: options.sideFiles };
  const detectors = openDetectors(options.detectors, device);
  const catalogue = new Catalogue(models);
  const cache = new ModelCache(MODELS_KEPT, device);
  const adapted = new AdaptedModels(device);

  /** The run that is made owns the lease. */
  async function leased(
    spec: ModelSpec,
    make: (lease: ModelLease) => Promise<PipelineRun>,
  ): Promise<PipelineRun> {
    const lease = await cache.lease(spec);
    try {
      return await make(lease);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  return {
    async open(job) {
      const started = performance.now();
      const spec = await catalogue.open(job.request.model);
      const loras = await readLoras(job.request, spec, models);
      const { upscaleImage } = job.request;
      if (upscaleImage !== undefined) {
        const draft = await draftUpscale(job, upscaleImage, spec, models);
        const model = await adapted.adapt(spec, loras);
        return await leased(model.spec, (lease) => openUpscale(job, draft, lease, model));
      }
      const draft = await draftJob(job, spec, { folders: models, detectors });
      const model = await adapted.adapt(spec, loras);
      return await leased(model.spec, async (lease) => {
        const { components } = lease;
        await components.openAll(draft.controls.nets);
        if (job.request.image !== undefined) await components.session('vaeEncoder');
        const opened = performance.now();
        const prepared = await prepareJob(job, draft, components, model);
        const seconds = { open: (opened - started) / 1000, encode: (performance.now() - opened) / 1000 };
        const notes = [...loras.notes, ...prepared.notes];
        return new PictureRun(job.request, { ...prepared, notes, lease, seconds });
      });
    },
    async warm(model) {
      const lease = await cache.lease(await catalogue.open(model));
      try {
        await lease.components.openAll([]);
      } finally {
        await lease.release();
      }
    },
    async close() {
      await cache.close();
      await adapted.close();
      await detectors.close();
    },
  };
}
