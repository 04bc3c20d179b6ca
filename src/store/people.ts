/** The people of the web chat: their names, which nobody can take from them, and their roles. */
import { createHash } from 'node:crypto';
import { DarkroomError } from '../errors.ts';
import { nameKey } from '../name-key.ts';
import { sentence } from '../sentences.ts';
import type { Database, Sql } from './sql.ts';

type PersonRole = 'operator' | 'admin' | 'member';

interface Person {
  /** As in a message: `web:…`. */
  readonly id: string;
  readonly role: PersonRole;
  /** Absent for an operator who has not chosen one. */
  readonly name?: string;
  /** Whether the name came with a link: a name that somebody chose themselves proves nothing. */
  readonly isGiven: boolean;
}

/** What a link opens the chat as. */
interface Invitation {
  readonly name: string;
  readonly role: 'admin' | 'member';
}

export interface PeopleStore {
  get(id: string): Promise<Person | undefined>;
  named(name: string): Promise<Person | undefined>;
  /** Those with a role first, then by name. @param most how many at most */
  list(most: number): Promise<Person[]>;
  /** Makes a user the operator where nobody is yet. @returns whether it did */
  claimOperator(id: string): Promise<boolean>;
  /**
   * Gives a user the name that they chose. Names that they had before stay theirs.
   * @throws DarkroomError('forbidden') for somebody else's name, ('too_many') for too many names
   */
  rename(id: string, name: string): Promise<Person>;
  /** @param code is not stored, only its hash @throws DarkroomError('too_many') where too many links are open */
  invite(code: string, invitation: Invitation): Promise<void>;
  /** What a link would open the chat as; it stays usable. */
  invitation(code: string): Promise<Invitation | undefined>;
  /**
   * Uses a link up. Whoever has the name by a link is the one that comes in. A name that somebody only chose is taken
   * from them, unless it is they who come in: else a guest could take the name of an admin to come, and be one.
   * @param id of the user who opened it
   * @returns undefined for a link that is unknown, used or too old
   */
  redeem(code: string, id: string): Promise<Person | undefined>;
  /** @param name or id @returns whether there is such a person */
  setRole(name: string, role: 'admin' | 'member'): Promise<boolean>;
}

/** Names that one user may take. */
const MOST_NAMES = 5;
/** Links that are open at a time. */
const MOST_LINKS = 100;
const LINK_HOURS = 24;

interface PersonRow {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly role: PersonRole;
  readonly name: string | null;
  readonly is_given: boolean | null;
}

export function createPeople(database: Database): PeopleStore {
  const get = (id: string) => readOne(database, 'p.id = $1', [id]);
  return {
    get,
    named: (name) => ofKey(database, nameKey(name)),
    async list(most) {
      const order = `order by array_position(array['operator', 'admin', 'member'], p.role), n.name limit $1`;
      return (await database.query<PersonRow>(`${PERSON} ${order}`, [most])).map(personOf);
    },
    async claimOperator(id) {
      const rows = await database.query(
        `insert into darkroom.person (id, role) select $1, 'operator'
           where not exists (select from darkroom.person where role = 'operator')
         on conflict (id) do update set role = 'operator'
         returning id`,
        [id],
      );
      return rows.length > 0;
    },
    rename: (id, name) => database.transaction((tx) => rename(tx, id, name)),
    async invite(code, { name, role }) {
      await database.transaction(async (tx) => {
        await tx.query('delete from darkroom.invitation where expires_at < now()');
        const [row] = await tx.query<{ open: number }>(
          'select count(*)::int as open from darkroom.invitation',
        );
        if (row!.open >= MOST_LINKS) {
          throw new DarkroomError(
            'too_many',
            sentence('web.many_links', { count: MOST_LINKS, hours: LINK_HOURS }),
          );
        }
        await tx.query(
          `insert into darkroom.invitation (hash, key, name, role, expires_at)
           values ($1, $2, $3, $4, now() + make_interval(hours => ${LINK_HOURS}))`,
          [hashOf(code), nameKey(name), name, role],
        );
      });
    },
    async invitation(code) {
      const [row] = await database.query<Invitation & Record<string, unknown>>(
        'select name, role from darkroom.invitation where hash = $1 and expires_at > now()',
        [hashOf(code)],
      );
      return row;
    },
    redeem: (code, id) => database.transaction((tx) => redeem(tx, code, id)),
    async setRole(name, role) {
      const rows = await database.query(
        `update darkroom.person set role = $3
         where id = $2 or id = (select person from darkroom.person_name where key = $1) returning id`,
        [nameKey(name), name, role],
      );
      return rows.length > 0;
    },
  };
}

async function rename(tx: Sql, id: string, name: string): Promise<Person> {
  const key = nameKey(name);
  await tx.query("insert into darkroom.person (id, role) values ($1, 'member') on conflict do nothing", [id]);
  // Two renames of one user wait for each other.
  await tx.query('select from darkroom.person where id = $1 for update', [id]);
  const [taken] = await tx.query<{ person: string; is_given: boolean }>(
    `insert into darkroom.person_name (key, name, person) values ($1, $2, $3)
     on conflict (key) do update set name = case when person_name.person = $3 then $2 else person_name.name end
     returning person, is_given`,
    [key, name, id],
  );
  if (taken?.person !== id) {
    throw new DarkroomError('forbidden', sentence('web.name_taken', { name }));
  }
  const [row] = await tx.query<{ names: number }>(
    'select count(*)::int as names from darkroom.person_name where person = $1',
    [id],
  );
  if (row!.names > MOST_NAMES) {
    throw new DarkroomError('too_many', sentence('web.many_names', { count: MOST_NAMES }));
  }
  await tx.query('update darkroom.person set name_key = $2 where id = $1', [id, key]);
  return (await readOne(tx, 'p.id = $1', [id]))!;
}

async function redeem(tx: Sql, code: string, opener: string): Promise<Person | undefined> {
  const [link] = await tx.query<{ key: string; name: string; role: 'admin' | 'member' }>(
    'delete from darkroom.invitation where hash = $1 and expires_at > now() returning key, name, role',
    [hashOf(code)],
  );
  if (link === undefined) return undefined;
  const { key, name, role } = link;
  const [holder] = await tx.query<{ person: string; is_given: boolean }>(
    'select person, is_given from darkroom.person_name where key = $1 for update',
    [key],
  );
  const id = holder?.is_given === true ? holder.person : opener;
  await tx.query("insert into darkroom.person (id, role) values ($1, 'member') on conflict do nothing", [id]);
  if (holder !== undefined && holder.person !== id) {
    await tx.query('update darkroom.person set name_key = null where id = $1 and name_key = $2', [
      holder.person,
      key,
    ]);
  }
  await tx.query(
    `insert into darkroom.person_name (key, name, person, is_given) values ($1, $2, $3, true)
     on conflict (key) do update set name = $2, person = $3, is_given = true`,
    [key, name, id],
  );
  await tx.query(
    `update darkroom.person set name_key = $2, role = case when role = 'member' then $3 else role end where id = $1`,
    [id, key, role],
  );
  return readOne(tx, 'p.id = $1', [id]);
}

const PERSON = `select p.id, p.role, n.name, n.is_given from darkroom.person p
  left join darkroom.person_name n on n.key = p.name_key`;

const ofKey = (sql: Sql, key: string) =>
  readOne(sql, 'p.id = (select person from darkroom.person_name where key = $1)', [key]);

async function readOne(sql: Sql, where: string, values: readonly unknown[]): Promise<Person | undefined> {
  const [row] = await sql.query<PersonRow>(`${PERSON} where ${where}`, values);
  return row && personOf(row);
}

const personOf = ({ id, role, name, is_given }: PersonRow): Person => ({
  id,
  role,
  ...(name !== null && { name }),
  isGiven: is_given === true,
});

const hashOf = (code: string): Uint8Array => createHash('sha256').update(code).digest();
