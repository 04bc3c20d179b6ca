/** The engine: requests to runs over models that stay open between them. It runs in a process of its own. */
import { performance } from 'node:perf_hooks';
import type { Engine, Job } from '../job.ts';
import { Catalogue } from '../models/catalogue.ts';
import { openDetectors } from './control/controls.ts';
import { ModelCache } from './model/model-cache.ts';
import { draftJob, prepareJob } from './prepare.ts';
import type { EngineOptions } from './process/process.ts';
import { PictureRun, type PipelineRun } from './run.ts';

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
  const { models, device } = options;
  const detectors = openDetectors(options.detectors, device);
  const catalogue = new Catalogue(models);
  const cache = new ModelCache(MODELS_KEPT, device);

  return {
    async open(job) {
      const started = performance.now();
      const spec = await catalogue.open(job.request.model);
      const draft = await draftJob(job, spec, { folders: models, detectors });
      const lease = await cache.lease(spec);
      try {
        const { components } = lease;
        await components.openAll(draft.controls.nets);
        if (job.request.image !== undefined) await components.session('vaeEncoder');
        const opened = performance.now();
        const prepared = await prepareJob(job, draft, components);
        const seconds = { open: (opened - started) / 1000, encode: (performance.now() - opened) / 1000 };
        return new PictureRun(job.request, { ...prepared, lease, seconds });
      } catch (error) {
        await lease.release();
        throw error;
      }
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
      await detectors.close();
    },
  };
}
