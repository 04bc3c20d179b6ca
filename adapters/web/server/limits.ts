/** How much the calls of the web chat may carry, and how often they may come. */
import { MESSAGE_LIMITS } from '../page/shared.js';

export type WebLimits = Readonly<
  Record<
    | 'bodyBytes'
    | 'textCharacters'
    | 'files'
    | 'burst'
    | 'perSecond'
    | 'addressBurst'
    | 'addressPerSecond'
    | 'uploadBytes'
    | 'uploadBytesPerSecond'
    | 'openUploads'
    | 'openUploadsPerUser'
    | 'idleUploadMs'
    | 'uploadMs',
    number
  >
>;

export const WEB_LIMITS: WebLimits = {
  ...MESSAGE_LIMITS,
  /** Calls of one user that change something: so many at once, and so many a second after that. */
  burst: 60,
  perSecond: 2,
  /** The same for all users of one network address together. */
  addressBurst: 120,
  addressPerSecond: 4,
  /** Bytes that one network address may send. */
  uploadBytes: 96 * 1024 * 1024,
  uploadBytesPerSecond: 1024 * 1024,
  /** Messages whose body has not arrived completely. */
  openUploads: 64,
  openUploadsPerUser: 8,
  /** Milliseconds without a byte, and in all, after which an upload is given up. */
  idleUploadMs: 15_000,
  uploadMs: 120_000,
};
