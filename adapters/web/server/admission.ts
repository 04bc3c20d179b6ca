/** Lets a request in: finds out who sends it and from where, and counts it against the limits of both. */
import type { IncomingMessage } from 'node:http';
import { DarkroomError } from '../../../src/errors.ts';
import { sentence } from '../../../src/sentences.ts';
import type { User } from '../../adapter.ts';
import { type AccessOptions, checkHeaders } from './access.ts';
import { addressKey, ClientAddresses } from './client-address.ts';
import { Identities, type IdentityOptions } from './identity.ts';
import type { WebLimits } from './limits.ts';
import { type Known, People, type PeoplePort } from './people.ts';
import { RateLimit } from './rate-limit.ts';
import { HttpRefusal } from './refusal.ts';

export interface AdmissionOptions extends AccessOptions, IdentityOptions {
  /** DARKROOM_TRUSTED_PROXIES: whose X-Forwarded-For is believed. */
  readonly trustedProxies?: readonly string[];
  /** Names and roles of the users. */
  readonly people: PeoplePort;
  /** DARKROOM_ADMINS. */
  readonly admins?: readonly string[];
}

export interface Sender {
  readonly user: User;
  /** Under which uploads and event streams are counted: the network address, or a user who is named by a header. */
  readonly key: string;
  readonly isLasting: boolean;
  readonly quotaGroup?: string;
  readonly role: Known['role'];
  /** Whether the user has a name that is not a guest's. */
  readonly isNamed: boolean;
}

export class Admission {
  readonly people: People;
  readonly #options: AdmissionOptions;
  readonly #addresses: ClientAddresses;
  readonly #identities: Identities;
  readonly #users: RateLimit;
  readonly #networks: RateLimit;

  constructor(options: AdmissionOptions, limits: WebLimits) {
    this.#options = options;
    this.people = new People(options.people, options.admins ?? []);
    this.#addresses = new ClientAddresses(options.trustedProxies ?? [], (proxy) =>
      options.onNotice?.(
        `web chat: ${proxy} sends X-Forwarded-For, but DARKROOM_TRUSTED_PROXIES does not list it; all of its visitors count as one network`,
      ),
    );
    this.#identities = new Identities(options);
    this.#users = new RateLimit({ burst: limits.burst, perSecond: limits.perSecond }, (seconds) =>
      sentence('web.many_requests', { count: limits.burst, seconds }),
    );
    this.#networks = new RateLimit(
      { burst: limits.addressBurst, perSecond: limits.addressPerSecond },
      (seconds) => sentence('web.many_from_network', { seconds }),
    );
  }

  /**
   * @param token that the request carries besides its Authorization header
   * @returns the sender, and a Set-Cookie header for a new one
   * @throws DarkroomError('forbidden' | 'too_many' | 'bad_request')
   */
  async admit(
    request: Request,
    incoming: IncomingMessage,
    token?: string,
  ): Promise<{ sender: Sender; setCookie?: string }> {
    checkHeaders(request, this.#options);
    const address = this.#addresses.of(incoming);
    const { setCookie, isNamed, ...visitor } = this.#identify(request, address, token);
    const network = addressKey(address);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      if (!isNamed) this.#networks.take(network);
      // A new visitor could take another name for each call.
      if (visitor.isLasting && setCookie === undefined) this.#users.take(visitor.user.id);
    }
    const known: Known = isNamed
      ? { user: visitor.user, role: 'member', isNamed }
      : await this.people.of(visitor.user);
    const sender = { ...visitor, ...known, key: isNamed ? visitor.user.id : network };
    return { sender, ...(setCookie !== undefined && { setCookie }) };
  }

  /**
   * Lets the opener of a link in, without a token.
   * @returns a Set-Cookie header
   * @throws DarkroomError('not_found' | 'forbidden' | 'too_many')
   */
  async redeem(request: Request, incoming: IncomingMessage, code: string): Promise<string> {
    checkHeaders(request, this.#options);
    const address = this.#addresses.of(incoming);
    this.#networks.take(addressKey(address));
    const { user } = this.#identities.open(request, address);
    const id = await this.people.redeem(code, user);
    return this.#identities.cookieOf({ id, name: '' });
  }

  #identify(request: Request, address: string, token: string | undefined) {
    try {
      return this.#identities.identify(request, address, token);
    } catch (error) {
      if (!(error instanceof DarkroomError) || error.code !== 'forbidden') throw error;
      throw new HttpRefusal(401, 'forbidden', error.sentence ?? error.message);
    }
  }
}
