/** Models from elsewhere: what an address means, what it will cost, and the download itself; for the shell and the chat. */
import { homedir } from 'node:os';
import type { Settings } from '../config/settings.ts';
import { type Address, parseAddress } from './download/address.ts';
import { PATIENCE, type Patience } from './download/ask.ts';
import { planFromCivitai } from './download/civitai.ts';
import { type Fetched, fetchPlan } from './download/download.ts';
import { hubPlace, planFromHub } from './download/hub.ts';
import { type Plan, sizeOfPlan } from './download/plan.ts';
import type { PieceSizes } from './download/remote.ts';
import { inUnits } from './download/units.ts';
import { planFromUrl } from './download/url.ts';
import type { Precision } from './engine/device.ts';
import { partsOfPipeline } from './models/model-index.ts';
import { type Sentence, sentence, type Words } from './sentences.ts';

export interface Downloads {
  /** @throws DarkroomError('bad_request') for what is no model's address */
  parse(text: string): Address;
  /**
   * What would be fetched. Only small files are read.
   * @param precisionOf what pictures are made in, asked where a model comes in several: that one is fetched
   */
  plan(address: Address, precisionOf: () => Promise<Precision>, signal?: AbortSignal): Promise<Plan>;
  fetch(plan: Plan, folder: string, options: DownloadView): Promise<Fetched>;
}

interface DownloadView {
  readonly signal?: AbortSignal | undefined;
  onProgress(bytes: number, total: number): void;
}

/** @param pieces how large files are cut; as pieces.ts says where left out */
export function createDownloads(
  settings: Settings,
  { patience = PATIENCE, pieces }: { readonly patience?: Patience; readonly pieces?: PieceSizes } = {},
): Downloads {
  const hosts = { hub: new URL(settings.HF_ENDPOINT), civitai: new URL(settings.CIVITAI_API_URL) };
  return {
    parse: (text) => parseAddress(text, hosts),
    async plan(address, precisionOf, signal) {
      const shared = { patience, signal };
      if (address.kind === 'url') return planFromUrl(address, shared);
      const computed = await precisionOf();
      // The weights of int8 are made from those of float32.
      const precision = computed === 'int8' ? 'float32' : computed;
      if (address.kind === 'civitai') {
        const token = settings.CIVITAI_TOKEN;
        return planFromCivitai(address, { ...shared, precision, endpoint: hosts.civitai, token });
      }
      return planFromHub(address, {
        ...{ ...shared, precision, endpoint: hosts.hub, ...(await hubPlace(settings, homedir())) },
        partsOf: (index) => partsOfPipeline(index, address.repository),
      });
    },
    fetch: (plan, folder, view) => fetchPlan(plan, folder, { patience, pieces, ...view }),
  };
}

/** What a person should know before a download starts, one fact a row. */
export function describePlan(plan: Plan): (readonly [name: Sentence, value: Words])[] {
  const { origin, files, notes } = plan;
  const pickles = files.filter(({ path }) => /\.(ckpt|pt|pth|bin)$/i.test(path)).length;
  const cached = files.filter((file) => file.cached !== undefined).length;
  return [
    [sentence('download.fact.model'), origin.source],
    [sentence('download.fact.page'), origin.page],
    [sentence('download.fact.licence'), origin.licence ?? sentence('download.no_licence')],
    ...(origin.gating === undefined ? [] : [[sentence('download.fact.access'), origin.gating] as const]),
    [
      sentence('download.fact.size'),
      sentence('download.files', { size: inUnits(sizeOfPlan(plan)), count: files.length }),
    ],
    ...(cached === 0
      ? []
      : [[sentence('download.fact.cached'), sentence('download.in_cache', { count: cached })] as const]),
    ...(pickles === 0 ? [] : [[sentence('download.fact.format'), sentence('download.pickles')] as const]),
    ...notes.map((note) => [sentence('download.fact.note'), note] as const),
  ];
}
