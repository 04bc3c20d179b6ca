/** What a download will fetch, known before its first large byte. */

import type { Words } from '../sentences.ts';
import type { RemoteFile } from './remote.ts';

export interface PlannedFile extends RemoteFile {
  /** Where it belongs, relative to the plan's folder or, for a single file, its name; checked to stay inside. */
  readonly path: string;
  /** The same bytes on this machine: the Hugging Face cache has them already. */
  readonly cached?: string;
}

export interface Plan {
  /** The name of the folder, or of the single file without its ending. */
  readonly name: string;
  readonly isFolder: boolean;
  readonly files: readonly PlannedFile[];
  readonly origin: Origin;
  /** Whose it is there: an account of the Hub or of Civitai. */
  readonly owner?: string;
  /** Sentences for the user. */
  readonly notes: readonly Words[];
}

/** Where a model came from; kept beside it. Unknown parts are left out. */
export interface Origin {
  /** As `darkroom models add` takes it: `owner/name@revision`, `civitai:1@2`, an address. */
  readonly source: string;
  /** Of people: where its terms can be read. */
  readonly page: string;
  /** SPDX name or words. */
  readonly licence?: string;
  readonly commercial_use?: boolean;
  /** Whether its owner asks readers to accept terms first, in words. */
  readonly gating?: string;
  readonly base_model?: string;
  readonly trigger_words?: readonly string[];
}

export const sizeOfPlan = ({ files }: Pick<Plan, 'files'>) =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);
