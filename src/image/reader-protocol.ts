/** What the program and the process that reads uploads send each other. */
import type { ErrorWords } from '../errors.ts';
import type { Unturned, Upload, UploadUse } from './upload.ts';

/** Bytes of memory of the reading process: the program itself has 100 MB, a photo of 50 megapixels takes 200. */
export const MEMORY_LIMIT = 640 << 20;

export interface ToReader {
  readonly bytes: Uint8Array;
  readonly use: UploadUse;
  readonly turned?: Unturned;
}

export type FromReader = (
  | { readonly upload: Upload }
  /** `detail` is for the operator. */
  | { readonly error: ErrorWords & { readonly detail: string } }
) & {
  /** Whether the process holds so much memory that the next file should get a new one. */
  readonly isSpent: boolean;
};
