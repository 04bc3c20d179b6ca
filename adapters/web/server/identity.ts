/** Who sends a request: a signed cookie names the user, and a token is needed where one is set. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { DarkroomError } from '../../../src/errors.ts';
import { sentence } from '../../../src/sentences.ts';
import type { User } from '../../adapter.ts';
import { type AccessOptions, basePathOf, checkExposure } from './access.ts';
import { addressKey } from './client-address.ts';
import { type Bucket, RateLimit } from './rate-limit.ts';

export interface IdentityOptions extends AccessOptions {
  /** Signs the cookies, and tells this instance from others on the same host. */
  readonly secret: Uint8Array;
  /** Told what the operator should know, in one sentence. */
  readonly onNotice?: (sentence: string) => void;
}

interface Visitor {
  readonly user: User;
  /** A Set-Cookie header for a visitor without a valid cookie. */
  readonly setCookie?: string;
  /** Whether the next request can come from the same user; too many new ones of a network get no cookie. */
  readonly isLasting: boolean;
  /** Whether the header X-Darkroom-User names the user. */
  readonly isNamed: boolean;
  /** The users of one group share the quotas and the part of the GPU of one user, since new names are free. */
  readonly quotaGroup?: string;
}

const COOKIE_SECONDS = 365 * 24 * 3600;
/** An identity of this age counts as a user of its own; a younger one counts with its network address. */
const ESTABLISHED_MS = 24 * 3600 * 1000;
/** New identities of one network address. */
const NEW_IDENTITIES: Bucket = { burst: 30, perSecond: 1 / 600 };
/** Wrong tokens of one network address. */
const GUESSES: Bucket = { burst: 10, perSecond: 1 / 10 };
/** Milliseconds between two lines in the log about one address. */
const NOTICE_MS = 60_000;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u;
/** Names that only the bot and guests have. */
const RESERVED = /^(darkroom$|guest-)/i;

interface Identity {
  readonly id: string;
  /** Milliseconds since 1970 when it was created. */
  readonly created: number;
}

export class Identities {
  readonly #options: IdentityOptions;
  readonly #key: Buffer;
  readonly #cookie: string;
  readonly #newIdentities = new RateLimit(NEW_IDENTITIES, (seconds) =>
    sentence('web.many_visitors', { seconds }),
  );
  readonly #guesses = new RateLimit(GUESSES, (seconds) => sentence('web.many_tokens', { seconds }));
  readonly #noticed = new Map<string, number>();

  constructor(options: IdentityOptions) {
    checkExposure(options);
    this.#options = options;
    // A new token invalidates all cookies.
    this.#key = createHmac('sha256', options.secret)
      .update(options.token ?? '')
      .digest();
    // Cookies do not belong to a port: two instances on one host need two names.
    this.#cookie = `darkroom-${hmac(options.secret, 'cookie name').slice(0, 8)}`;
  }

  /**
   * @param address the network address that the request comes from
   * @param token as given in the query; an Authorization header or a signed cookie is accepted as well
   * @throws DarkroomError('forbidden') if a token is needed and none is right, ('too_many') for too many guesses
   */
  identify(request: Request, address: string, token?: string): Visitor {
    const named = this.#options.users === 'header' ? request.headers.get('x-darkroom-user') : null;
    const identity = this.#readCookie(request);
    if (identity === undefined) this.#requireToken(request, address, token);
    if (named !== null) return { user: namedUser(named), isLasting: true, isNamed: true };
    if (identity !== undefined) {
      const isEstablished = Date.now() - identity.created > ESTABLISHED_MS;
      return {
        user: guest(identity.id),
        isLasting: true,
        isNamed: false,
        ...(!isEstablished && { quotaGroup: this.#groupOf(address) }),
      };
    }
    return this.#create(address);
  }

  /** The visitor of a link, who needs no token: the one that their cookie names, or a new one. */
  open(request: Request, address: string): Visitor {
    const identity = this.#readCookie(request);
    if (identity !== undefined) return { user: guest(identity.id), isLasting: true, isNamed: false };
    return this.#create(address);
  }

  /** A Set-Cookie header that makes a browser a user who was invited, and so counts as one from the start. */
  cookieOf({ id }: User): string {
    return this.#cookieFor(id.replace(/^web:/, ''), 0);
  }

  #create(address: string): Visitor {
    const id = randomBytes(9).toString('base64url');
    const visitor = { user: guest(id), isNamed: false, quotaGroup: this.#groupOf(address) };
    try {
      this.#newIdentities.take(addressKey(address));
    } catch {
      return { ...visitor, isLasting: false };
    }
    return { ...visitor, isLasting: true, setCookie: this.#cookieFor(id, Date.now()) };
  }

  #cookieFor(id: string, created: number): string {
    const value = `${id}.${created.toString(36)}`;
    const path = `${basePathOf(this.#options)}/`;
    const secure = this.#options.publicUrl?.startsWith('https:') ? '; Secure' : '';
    return `${this.#cookie}=${value}.${hmac(this.#key, value)}; Path=${path}; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${secure}`;
  }

  #requireToken(request: Request, address: string, given: string | undefined): void {
    const { token } = this.#options;
    if (token === undefined || token === '') return;
    const bearer = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    const tokens = [given, bearer].filter((value) => value !== undefined);
    const key = addressKey(address);
    if (tokens.length > 0) {
      this.#guesses.require(key);
      if (tokens.some((value) => isSame(value, token))) return;
      this.#guesses.take(key);
      this.#reportGuess(key, address);
    }
    throw new DarkroomError(
      'forbidden',
      tokens.length > 0 ? sentence('web.wrong_token') : sentence('web.needs_token'),
    );
  }

  #reportGuess(key: string, address: string): void {
    const now = performance.now();
    if (now - (this.#noticed.get(key) ?? Number.NEGATIVE_INFINITY) < NOTICE_MS) return;
    if (this.#noticed.size > 1000) this.#noticed.clear();
    this.#noticed.set(key, now);
    this.#options.onNotice?.(`web chat: wrong token from ${address}`);
  }

  #readCookie(request: Request): Identity | undefined {
    for (const pair of (request.headers.get('cookie') ?? '').split(';')) {
      const [name, value = ''] = pair.trim().split('=');
      const [id = '', created = '', signature = ''] = value.split('.');
      if (name !== this.#cookie || !isSame(signature, hmac(this.#key, `${id}.${created}`))) continue;
      return { id, created: Number.parseInt(created, 36) };
    }
    return undefined;
  }

  /** Hashed, so that no address of a visitor is stored with a job. */
  #groupOf(address: string): string {
    return `web-address:${hmac(this.#options.secret, addressKey(address)).slice(0, 16)}`;
  }
}

/** A user without a name. What they are called is a hash of the whole id, so that nobody can choose an id for it. */
export const guest = (id: string): User => ({
  id: `web:${id}`,
  name: `guest-${createHmac('sha256', 'guest name').update(id).digest('hex').slice(0, 10)}`,
});

function namedUser(name: string): User {
  if (!NAME.test(name) || RESERVED.test(name)) {
    throw new DarkroomError(
      'bad_request',
      'X-Darkroom-User must be 1 to 40 letters, digits, spaces, . _ or -, and neither Darkroom nor guest-….',
    );
  }
  return { id: `web:${name}`, name };
}

const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest('base64url');

/** Takes the same time wherever the two differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
