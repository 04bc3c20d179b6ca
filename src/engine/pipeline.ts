/** The engine: requests to runs over models that stay open between them. It runs in a process of its own. */
import { performance } from 'node:perf_hooks';
import type { Component } from '../graph/component.ts';
import type { Engine, Job, Loading } from '../job.ts';
import { Catalogue } from '../models/catalogue.ts';
import type { Size } from '../models/families/family.ts';
import { vaeNamed, withVae } from '../models/other-vae.ts';
import type { ModelSpec } from '../models/spec.ts';
import { freezeRequest, type GenerationRequest } from '../request.ts';
import { openDetectors } from './control/controls.ts';
import type { Look } from './finished.ts';
import { type Adapted, AdaptedModels, readLoras } from './lora/loras.ts';
import {
  budgetOf,
  keptBytes,
  type MemoryPlan,
  planMemory,
  planUpscaler,
  requireFit,
  requireUpscalerFit,
  tileWithin,
} from './memory/memory.ts';
import { ModelCache, type ModelLease, type OpenBytes, Preparing, type Room } from './model/model-cache.ts';
import { precisionNotes } from './notes.ts';
import { partFiles } from './part-files.ts';
import { draftJob, prepareJob } from './prepare.ts';
import type { EngineOptions } from './process/process.ts';
import { PictureRun, type PipelineRun } from './run.ts';
import { Checks } from './safety/safety.ts';
import { draftUpscale, openUpscale } from './upscale.ts';
import { findUpscaler, ownUpscaler, type Upscaler } from './upscaler/upscalers.ts';

const NONE_KEPT = { parts: new Map(), own: 0 };
const UNPLANNED = {
  plan: undefined,
  room: { bytes: 0, kept: NONE_KEPT, budget: undefined, spare: undefined, asStored: false },
};

const roomOf = ({ bytes, budget: own, savers }: MemoryPlan, budget: number | undefined) => ({
  ...{ bytes, budget, asStored: savers.includes('mapped') },
  spare: own === undefined ? undefined : own - bytes,
});

export interface Pipeline extends Engine {
  open(job: Job, onLoading?: (loading: Loading) => void): Promise<PipelineRun>;
  /** Opens what the first text-to-image job of a model would wait for. */
  warm(model: string): Promise<void>;
  /** Frees all models. Runs that are still open fail at their next step. */
  close(): Promise<void>;
}

export async function createEngine(options: EngineOptions): Promise<Pipeline> {
  const { models, device } = options;
  const detectors = openDetectors(options.detectors, device);
  const catalogue = new Catalogue(models, { file: options.index, keeps: false });
  const { inventory } = catalogue;
  const preparing = new Preparing(device);
  const cache = new ModelCache(device, preparing);
  const adapted = new AdaptedModels(device, cache);
  const checks = new Checks(options.classifier, device);

  /** What looks at pictures is open already, also where this job does not need it. */
  const besides = () => checks.bytes + detectors.bytes;
  /** Bytes for all models and what is beside them; what this process holds on a card is not free there. */
  const allowed = (held: number) =>
    budgetOf(device, device.provider === 'cpu' ? undefined : held + besides());

  /** @throws DarkroomError('too_large') where nothing makes it fit */
  async function planned(
    spec: ModelSpec,
    request: GenerationRequest,
    {
      nets = [],
      adaptation,
      upscaler,
      references,
    }: {
      readonly nets?: readonly Component[];
      readonly adaptation?: Adapted;
      readonly upscaler?: Upscaler | undefined;
      /** Sizes of the pictures that the model sees beside its drawing. */
      readonly references?: readonly Size[];
    } = {},
  ): Promise<{ readonly plan: MemoryPlan; readonly room: Room; readonly open: OpenBytes['parts'] }> {
    // With LoRAs it is a model of its own, which other runs may use already.
    const model = adaptation?.spec ?? spec;
    const { inUse, all } = cache.held(model);
    const budget = await allowed(all);
    // What other runs use cannot make room.
    const how = {
      ...{ device, nets, budget: budget === undefined ? undefined : budget - inUse },
      ...{ upscaler: upscaler?.footprint, factors: adaptation?.feeds },
      ...(references && { references }),
      beside: besides(),
    };
    const { plan, isReopened, open } = await withinOpen(model, (kept) =>
      planMemory(model, request, { ...how, kept }),
    );
    await requireFit(model, request, how, plan);
    const { parts, own } = keptBytes(plan, device);
    const kept = { parts, own: own + (adaptation?.bytes ?? 0) };
    return { plan, room: { ...roomOf(plan, budget), kept, isReopened }, open };
  }

  /**
   * Larger pictures may have taken memory that what is open of a model still holds. Where the next job needs it, the model is
   * closed and opened again, which is faster than a saver.
   */
  async function withinOpen(
    model: ModelSpec,
    plan: (kept: OpenBytes['parts'] | undefined) => Promise<MemoryPlan>,
  ): Promise<{ readonly plan: MemoryPlan; readonly isReopened: boolean; readonly open: OpenBytes['parts'] }> {
    const { parts: open, isUsed } = cache.openOf(model);
    const beside = await plan(open);
    if (open.size === 0 || isUsed || (beside.fits && beside.savers.length === 0))
      return { plan: beside, isReopened: false, open };
    const afresh = await plan(undefined);
    const isReopened = afresh.fits && (!beside.fits || afresh.savers.join() !== beside.savers.join());
    return { plan: isReopened ? afresh : beside, isReopened, open };
  }

  /** The same where nothing but an upscaler runs. */
  async function plannedUpscaler(
    spec: ModelSpec,
    upscaler: Upscaler,
  ): Promise<{ readonly plan: MemoryPlan; readonly room: Room }> {
    const { inUse, all } = cache.held(spec);
    const budget = await allowed(all);
    const how = { device, budget: budget === undefined ? undefined : budget - inUse };
    const { plan, isReopened } = await withinOpen(spec, (kept = new Map()) => {
      const others = kept.entries().filter(([name]) => name !== 'upscaler' || !upscaler.isOwn);
      const beside = others.reduce((sum, [, bytes]) => sum + bytes, besides());
      return planUpscaler(upscaler.footprint, { ...how, beside });
    });
    requireUpscalerFit(upscaler.name, device, plan);
    const own = new Map([['upscaler' as const, keptBytes(plan, device).own]]);
    const kept = upscaler.isOwn ? { parts: own, own: 0 } : NONE_KEPT;
    return { plan, room: { ...roomOf(plan, budget), kept, isReopened } };
  }

  const tiled = (upscaler: Upscaler | undefined, plan: MemoryPlan | undefined) =>
    upscaler === undefined || plan === undefined
      ? undefined
      : { upscaler, tile: tileWithin(plan, upscaler.footprint, device) };

  /** The run that is made owns the lease. */
  async function leased(
    spec: ModelSpec,
    room: Room,
    make: (lease: ModelLease) => Promise<PipelineRun>,
  ): Promise<PipelineRun> {
    const lease = await cache.lease(spec, room);
    try {
      return await make(lease);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  async function openRun(
    job: Job,
    look: Look | undefined,
    onLoading?: (loading: Loading) => void,
  ): Promise<PipelineRun> {
    const started = performance.now();
    // Before memory is planned.
    await preparing.giveWay();
    const own = await catalogue.open(job.request.model);
    const { vae } = job.request;
    const spec = vae === undefined ? own : await withVae(own, await vaeNamed(vae, inventory));
    const loras = await readLoras(job.request, spec, inventory);
    const { upscaleImage } = job.request;
    if (upscaleImage !== undefined) {
      const draft = await draftUpscale(job, upscaleImage, spec, inventory);
      const upscaler = await findUpscaler(upscaleImage, spec, { inventory, device });
      const model = await adapted.adapt(spec, loras);
      // Without refinement only the upscaler runs, or nothing.
      const { plan, room } =
        draft.plan !== undefined
          ? await planned(spec, { ...job.request, enlarge: false }, { adaptation: model, upscaler })
          : upscaler === undefined
            ? UNPLANNED
            : await plannedUpscaler(spec, upscaler);
      const files = () => partFiles(spec, job.request, [], inventory);
      const how = { upscaler: tiled(upscaler, plan), adapted: model, files, look };
      return await leased(model.spec, room, (lease) => openUpscale(job, draft, { lease, plan }, how));
    }
    const draft = await draftJob(job, spec, { folders: models, detectors, inventory });
    const { nets } = draft.controls;
    const { hires, enlarge } = job.request;
    const upscaler = hires && (await findUpscaler(hires, spec, { inventory, device }));
    const model = await adapted.adapt(spec, loras);
    const { plan, room, open } = await planned(spec, job.request, {
      nets: nets.map(({ component }) => component),
      ...{ adaptation: model, upscaler },
      references: draft.sources.references.map(({ dims }) => ({ width: dims[3]!, height: dims[2]! })),
    });
    return await leased(model.spec, room, async (lease) => {
      const { components } = lease;
      const encode = () =>
        prepareJob(job, draft, components, {
          ...{ adapted: model, savers: plan.savers, upscaler: tiled(upscaler, plan) },
        });
      const isInTurn = plan.savers.includes('turns');
      if (!isInTurn) {
        const isTiled = plan.savers.includes('tiles');
        const { image, referenceImages } = job.request;
        const isEncoding = image !== undefined || referenceImages !== undefined;
        const { spare } = room;
        await components.openAll({ nets, isTiled, isEncoding, spare, kept: open, onLoading });
      }
      const opened = performance.now();
      const prepared = isInTurn ? await components.openInTurn({ nets, onLoading }, encode) : await encode();
      const own = enlarge === true ? tiled(ownUpscaler(spec, device), plan) : undefined;
      const seconds = { open: (opened - started) / 1000, encode: (performance.now() - opened) / 1000 };
      const notes = [...loras.notes, ...prepared.notes, ...precisionNotes(device, spec)];
      const files = () => partFiles(spec, job.request, nets, inventory);
      return new PictureRun(job.request, { ...prepared, own, files, look, notes, lease, plan, seconds });
    });
  }

  return {
    async open(job, onLoading) {
      // Before anything is drawn: what cannot be checked is not drawn.
      const check =
        job.isModerated === true ? await checks.of(await catalogue.open(job.request.model)) : undefined;
      return await openRun(job, check?.look, onLoading);
    },
    async warm(model) {
      const spec = await catalogue.open(model);
      const { request } = freezeRequest({ prompt: '' }, { model, defaults: spec.defaults });
      const { plan, room } = await planned(spec, request);
      const lease = await cache.lease(spec, room);
      try {
        // What is loaded in turn is not loaded ahead.
        const isTiled = plan.savers.includes('tiles');
        if (!plan.savers.includes('turns')) await lease.components.openAll({ isTiled, spare: room.spare });
      } finally {
        await lease.release();
      }
    },
    async close() {
      await preparing.close();
      await cache.close();
      await adapted.close();
      await detectors.close();
      await checks.close();
    },
  };
}
