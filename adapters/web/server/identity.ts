/** Who sends a request: a signed cookie names the user, and a token is needed where one is set. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { DarkroomError } from '../../../src/errors.ts';
import type { User } from '../../adapter.ts';
import { type AccessOptions, checkExposure } from './access.ts';

export interface IdentityOptions extends AccessOptions {
  /** Signs the cookies. */
  readonly secret: Uint8Array;
}

export interface Visitor {
  readonly user: User;
  /** A Set-Cookie header for a visitor without a valid cookie. */
  readonly setCookie?: string;
  /** Whether the user came with a name that we gave before; a new one can take another name at each request. */
  readonly known: boolean;
}

const COOKIE = 'darkroom';
const COOKIE_SECONDS = 365 * 24 * 3600;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u;

export class Identities {
  readonly #options: IdentityOptions;
  readonly #key: Buffer;

  constructor(options: IdentityOptions) {
    checkExposure(options);
    this.#options = options;
    // A new token invalidates all cookies.
    this.#key = createHmac('sha256', options.secret)
      .update(options.token ?? '')
      .digest();
  }

  /**
   * @param token as given in the query; an Authorization header or a signed cookie is accepted as well
   * @throws DarkroomError('forbidden') if a token is needed and none is right
   */
  identify(request: Request, token?: string): Visitor {
    const named = this.#options.users === 'header' ? request.headers.get('x-darkroom-user') : null;
    const cookie = this.#readCookie(request);
    if (cookie === undefined && !this.#hasToken(request, token)) {
      throw new DarkroomError(
        'forbidden',
        'This chat needs a token. Open it once with ?token=…, or send Authorization: Bearer ….',
      );
    }
    if (named !== null) {
      if (!NAME.test(named)) {
        throw new DarkroomError(
          'bad_request',
          'X-Darkroom-User must be 1 to 40 letters, digits, spaces, . _ or -.',
        );
      }
      return { user: { id: `web:${named}`, name: named }, known: true };
    }
    if (cookie !== undefined) return { user: userOf(cookie), known: true };
    const id = randomBytes(9).toString('base64url');
    const value = `${id}.${this.#sign(id)}`;
    return {
      user: userOf(id),
      setCookie: `${COOKIE}=${value}; Path=/; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax`,
      known: false,
    };
  }

  #hasToken(request: Request, given: string | undefined): boolean {
    const { token } = this.#options;
    if (token === undefined || token === '') return true;
    const bearer = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    return [given, bearer].some((value) => value !== undefined && isSame(value, token));
  }

  #readCookie(request: Request): string | undefined {
    for (const pair of (request.headers.get('cookie') ?? '').split(';')) {
      const [name, value = ''] = pair.trim().split('=');
      const [id = '', signature = ''] = value.split('.');
      if (name === COOKIE && isSame(signature, this.#sign(id))) return id;
    }
    return undefined;
  }

  #sign(id: string): string {
    return createHmac('sha256', this.#key).update(id).digest('base64url');
  }
}

const userOf = (id: string): User => ({ id: `web:${id}`, name: `guest-${id.slice(0, 4)}` });

/** Takes the same time wherever the two differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
