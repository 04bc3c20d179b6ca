/**
 * Who is at the door: Host and Origin are checked, a token is asked for where one is set, a signed cookie
 * names the user, and everyone has a rate.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { DarkroomError } from '../../src/errors.ts';
import type { Person } from '../adapter.ts';

export interface DoorOptions {
  /** The address the server listens on. */
  readonly host: string;
  /** DARKROOM_WEB_TOKEN: asked of everyone where it is set; must be set beyond loopback. */
  readonly token?: string;
  /** 'header': X-Darkroom-User names the user (tests, on loopback only). */
  readonly users: 'cookie' | 'header';
  /** Signs the cookies. */
  readonly secret: Uint8Array;
}

export interface Visitor {
  readonly user: Person;
  /** A Set-Cookie header for one who had none. */
  readonly setCookie?: string;
  /** Whether the user is one we knew: a newcomer can be anybody again at the next request. */
  readonly known: boolean;
}

/** No script, style or frame but our own files; pictures also from memory (previews, uploads before sending). */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const COOKIE = 'darkroom';
const COOKIE_SECONDS = 365 * 24 * 3600;
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u;

export const isLoopback = (host: string) => LOOPBACK.has(host);

/** @throws DarkroomError('misconfigured') for an open door */
export function checkDoor({ host, token, users }: DoorOptions): void {
  if (isLoopback(host)) return;
  if (token === undefined || token === '') {
    throw new DarkroomError(
      'misconfigured',
      `DARKROOM_HOST ${host} is reachable from other machines; set DARKROOM_WEB_TOKEN, or use 127.0.0.1.`,
    );
  }
  if (users === 'header') {
    throw new DarkroomError(
      'misconfigured',
      `DARKROOM_WEB_USERS=header lets anybody be anybody and works on 127.0.0.1 only, not on ${host}.`,
    );
  }
}

/**
 * A page elsewhere can make a browser call us: by our address (its Origin is then another one), or by a name
 * of its own that points here (its Host is then another one).
 * @throws DarkroomError('forbidden')
 */
export function checkHeaders(request: Request, { host }: DoorOptions): void {
  const hostHeader = request.headers.get('host') ?? '';
  if (isLoopback(host) && !LOOPBACK.has(hostName(hostHeader))) {
    throw new DarkroomError(
      'forbidden',
      `This chat answers to 127.0.0.1 and localhost, not to ${hostHeader}.`,
    );
  }
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const origin = request.headers.get('origin');
  if (origin !== null && originHost(origin) !== hostHeader.toLowerCase()) {
    throw new DarkroomError('forbidden', `Calls from ${origin} are not allowed here. Open the chat itself.`);
  }
}

const hostName = (host: string) =>
  host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

export class Door {
  readonly #options: DoorOptions;
  readonly #key: Buffer;

  constructor(options: DoorOptions) {
    checkDoor(options);
    this.#options = options;
    // Another token makes all cookies worthless.
    this.#key = createHmac('sha256', options.secret)
      .update(options.token ?? '')
      .digest();
  }

  /**
   * @param token as given in the query; an Authorization header or a signed cookie does as well
   * @throws DarkroomError('forbidden') where a token is needed and none fits
   */
  admit(request: Request, token?: string): Visitor {
    const named = this.#options.users === 'header' ? request.headers.get('x-darkroom-user') : null;
    const cookie = this.#readCookie(request);
    if (cookie === undefined && !this.#hasToken(request, token)) {
      throw new DarkroomError(
        'forbidden',
        'This chat needs its token. Open it with ?token=… once, or send Authorization: Bearer ….',
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
    if (cookie !== undefined) return { user: personOf(cookie), known: true };
    const id = randomBytes(9).toString('base64url');
    const value = `${id}.${this.#sign(id)}`;
    return {
      user: personOf(id),
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

const personOf = (id: string): Person => ({ id: `web:${id}`, name: `guest-${id.slice(0, 4)}` });

/** In a time that says nothing of where they differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** A bucket for each user: `burst` calls at once, refilled at `perSecond`. */
export class RateLimit {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
  }

  /** @throws DarkroomError('too_many') */
  take(who: string, now: number = performance.now()): void {
    const bucket = this.#buckets.get(who) ?? { left: this.#burst, at: now };
    const left = Math.min(this.#burst, bucket.left + ((now - bucket.at) / 1000) * this.#perSecond);
    if (left < 1) {
      const seconds = Math.max(1, Math.ceil((1 - left) / this.#perSecond));
      throw new DarkroomError(
        'too_many',
        `That is more than ${this.#burst} calls at once. Wait ${seconds} s and send it again.`,
      );
    }
    this.#buckets.set(who, { left: left - 1, at: now });
    if (this.#buckets.size > 10_000) this.#forgetFull(now);
  }

  #forgetFull(now: number): void {
    for (const [who, { left, at }] of this.#buckets) {
      if (left + ((now - at) / 1000) * this.#perSecond >= this.#burst) this.#buckets.delete(who);
    }
  }
}
