/** Who the users of the web chat are to each other: names that nobody can take from them, and who administers it. */
import { randomBytes } from 'node:crypto';
import { DarkroomError } from '../../../src/errors.ts';
import { nameKey } from '../../../src/name-key.ts';
import { sentence } from '../../../src/sentences.ts';
import type { User } from '../../adapter.ts';

/** A person as src/store/people.ts keeps one. */
interface PersonRecord {
  readonly id: string;
  readonly role: 'operator' | 'admin' | 'member';
  readonly name?: string;
  readonly isGiven: boolean;
}

export interface PeoplePort {
  get(id: string): Promise<PersonRecord | undefined>;
  named(name: string): Promise<PersonRecord | undefined>;
  claimOperator(id: string): Promise<boolean>;
  rename(id: string, name: string): Promise<PersonRecord>;
  invite(code: string, invitation: Invitation): Promise<void>;
  invitation(code: string): Promise<Invitation | undefined>;
  redeem(code: string, id: string): Promise<PersonRecord | undefined>;
}

interface Invitation {
  readonly name: string;
  readonly role: 'admin' | 'member';
}

/** A user as the chat knows them. */
export interface Known {
  /** With the name that they have, or else a guest's. */
  readonly user: User;
  readonly role: PersonRecord['role'];
  readonly isNamed: boolean;
}

const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._-]{0,39}$/u;
/** Names that only the bot and guests have. */
const RESERVED = /^(darkroom$|guest-)/i;
/** Names that make others trust what somebody says: only a link gives them. */
const TRUSTED = new Set(['admin', 'administrator', 'moderator', 'operator', 'owner', 'support', 'system']);
/** Letters without a shape. */
const INVISIBLE = /[\u115f\u1160\u3164\uffa0]/;
/** Letters of these scripts look like Latin ones. */
const MIXED = /(?=.*\p{Script=Latin})(?=.*[\p{Script=Cyrillic}\p{Script=Greek}])/u;
/** Milliseconds for which what is known of a user is good; another process may change it. */
const FRESH_MS = 5000;
const MOST_KEPT = 1000;

export class People {
  readonly #store: PeoplePort;
  /** Names in DARKROOM_ADMINS. */
  readonly #admins: ReadonlySet<string>;
  readonly #kept = new Map<string, { readonly person: PersonRecord | undefined; readonly at: number }>();

  /** @param admins ids as DARKROOM_ADMINS has them: `web:ada` is whoever the operator has given the name ada */
  constructor(store: PeoplePort, admins: readonly string[]) {
    this.#store = store;
    this.#admins = new Set(admins.filter((id) => id.startsWith('web:')).map((id) => nameKey(id.slice(4))));
  }

  async of(user: User): Promise<Known> {
    const person = await this.#get(user.id);
    return {
      user: person?.name === undefined ? user : { id: user.id, name: person.name },
      role: this.#roleOf(person),
      isNamed: person?.name !== undefined,
    };
  }

  /** Makes the user the operator if nobody is. */
  async claimOperator({ id }: User): Promise<void> {
    if (await this.#store.claimOperator(id)) this.#kept.delete(id);
  }

  /**
   * @param typed the name that the user would like to have
   * @throws DarkroomError('bad_request' | 'forbidden' | 'too_many')
   */
  async rename({ id }: User, typed: string): Promise<Known> {
    const name = readName(typed);
    const person = await this.#get(id);
    const isOwn = person?.name !== undefined && nameKey(person.name) === nameKey(name);
    if (person?.role !== 'operator' && !isOwn && this.#isTrusted(name)) {
      throw new DarkroomError('forbidden', sentence('web.name_needs_link', { name }));
    }
    await this.#store.rename(id, name);
    this.#kept.delete(id);
    return this.of({ id, name });
  }

  /**
   * Makes a link that opens the chat once, under a name.
   * @returns its code
   * @throws DarkroomError('forbidden' | 'bad_request' | 'too_many')
   */
  async invite(by: User, typed: string, isAdmin: boolean): Promise<string> {
    const { role } = await this.of(by);
    if (role === 'member') {
      throw new DarkroomError('forbidden', sentence('web.links_by_admins'));
    }
    const name = readName(typed);
    const holder = await this.#store.named(name);
    // A link for a name that was given opens the chat as that very person.
    const isHeld = holder?.isGiven === true || (holder !== undefined && holder.role !== 'member');
    if (role !== 'operator' && (isAdmin || isHeld || this.#isTrusted(name))) {
      throw new DarkroomError(
        'forbidden',
        isAdmin ? sentence('web.admin_link_by_operator') : sentence('web.held_link_by_operator', { name }),
      );
    }
    if (holder?.role === 'operator') {
      throw new DarkroomError(
        'forbidden',
        sentence('web.operator_needs_none', { name: holder.name ?? name }),
      );
    }
    const code = randomBytes(24).toString('base64url');
    await this.#store.invite(code, { name, role: isAdmin ? 'admin' : 'member' });
    return code;
  }

  /** What a link opens the chat as. @throws DarkroomError('not_found') */
  async invitation(code: string): Promise<Invitation> {
    const found = isCode(code) ? await this.#store.invitation(code) : undefined;
    if (found === undefined) throw usedUp();
    return found;
  }

  /**
   * @param opener who opened the link: this person, or else one who has the name by an earlier link, comes in
   * @returns the id of who comes in
   * @throws DarkroomError('not_found'), ('forbidden') for a browser that belongs to another person
   */
  async redeem(code: string, opener: User): Promise<string> {
    const { name } = await this.invitation(code);
    const person = await this.#get(opener.id);
    const isOther = person !== undefined && nameKey(person.name ?? '') !== nameKey(name);
    if (isOther && (person.isGiven || person.role !== 'member')) {
      throw new DarkroomError(
        'forbidden',
        sentence('web.other_person', { name: person.name ?? sentence('web.the_operator'), owner: name }),
      );
    }
    const redeemed = await this.#store.redeem(code, opener.id);
    if (redeemed === undefined) throw usedUp();
    // The name may have been taken from somebody.
    this.#kept.clear();
    return redeemed.id;
  }

  #roleOf(person: PersonRecord | undefined): PersonRecord['role'] {
    if (person === undefined) return 'member';
    const isListed = person.isGiven && person.name !== undefined && this.#admins.has(nameKey(person.name));
    return person.role === 'member' && isListed ? 'admin' : person.role;
  }

  #isTrusted(name: string): boolean {
    const key = nameKey(name);
    return TRUSTED.has(key) || this.#admins.has(key);
  }

  async #get(id: string): Promise<PersonRecord | undefined> {
    const now = performance.now();
    const kept = this.#kept.get(id);
    if (kept !== undefined && now - kept.at < FRESH_MS) return kept.person;
    const person = await this.#store.get(id);
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(id, { person, at: now });
    return person;
  }
}

/** @throws DarkroomError('bad_request') */
export function readName(typed: string): string {
  const name = typed.normalize('NFC').trim().replaceAll(/\s+/g, ' ');
  const isName = NAME.test(name) && !INVISIBLE.test(name) && nameKey(name) !== '';
  if (!isName || RESERVED.test(name) || nameKey(name) === 'darkroom') {
    throw new DarkroomError('bad_request', sentence('web.bad_name'));
  }
  if (MIXED.test(name)) {
    throw new DarkroomError('bad_request', sentence('web.mixed_name', { name }));
  }
  return name;
}

const isCode = (code: string) => /^[\w-]{32}$/.test(code);

const usedUp = () => new DarkroomError('not_found', sentence('web.link_used'));
