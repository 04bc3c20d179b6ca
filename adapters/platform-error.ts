/**
 * A failed call to a platform, reduced to what its operator may read. The errors of the platforms' clients carry the
 * whole call: the token of an interaction, the picture's bytes and the prompt, none of which belongs in a log.
 */

import { sayIn } from '../src/sentences.ts';
import { type Platform, traitsOf } from './platforms.ts';

interface FailedCall {
  /** The platform's own code, e.g. 50013 or `not_in_channel`. */
  readonly code?: string | number | undefined;
  /** Of the HTTP answer. */
  readonly status?: number | undefined;
  /** Method and path, without tokens. */
  readonly route?: string | undefined;
  /** Which fields were refused, without their values. */
  readonly fields?: readonly string[];
}

export class PlatformError extends Error {
  readonly platform: Platform;
  readonly code: string | number | undefined;
  readonly status: number | undefined;
  readonly route: string | undefined;

  constructor(platform: Platform, { code, status, route, fields = [] }: FailedCall) {
    const parts = [
      `${sayIn('en')(traitsOf(platform).title)} refused ${route ?? 'a call'}`,
      ...(status === undefined ? [] : [`status ${status}`]),
      ...(code === undefined ? [] : [`code ${code}`]),
      ...(fields.length === 0 ? [] : [`fields ${fields.join(', ')}`]),
    ];
    super(parts.join(', '));
    this.name = 'PlatformError';
    this.platform = platform;
    this.code = code;
    this.status = status;
    this.route = route;
  }
}
