/** How much the calls of the web chat may carry, and how often they may come. */
import { MESSAGE_LIMITS } from '../page/shared.js';

export type WebLimits = Readonly<
  Record<'bodyBytes' | 'textCharacters' | 'files' | 'burst' | 'perSecond', number>
>;

export const WEB_LIMITS: WebLimits = {
  ...MESSAGE_LIMITS,
  /** Calls that change something: so many at once, and so many a second after that. */
  burst: 60,
  perSecond: 2,
};
