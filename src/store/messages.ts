/** The web chat's conversation. */
import { json, type Sql } from './sql.ts';

/** The part of a message that the store looks at. */
export interface StoredMessage {
  /** Grows with time, so that `after` works by comparison. */
  readonly id: string;
  /** The only user who may see it; everybody where absent. */
  readonly reader?: string;
  readonly job?: { readonly id: string };
}

/** Messages after the id `after`, or else before the id `before`: the `limit` ones that are next to it. */
export interface MessageRange {
  readonly after?: string;
  /** Without it and without `after`, the newest messages. */
  readonly before?: string;
  readonly limit: number;
}

export interface MessageStore<M extends StoredMessage> {
  /** Messages that a user may see, oldest first. */
  list(user: string, range: MessageRange): Promise<M[]>;
  get(id: string): Promise<M | undefined>;
  /** The message that shows a job. */
  ofJob(job: string): Promise<M | undefined>;
  /** Inserts it, or replaces the one with its id; durable when it resolves. @returns whether it is new */
  put(message: M): Promise<boolean>;
  /** Replaces the one with its id, where that still exists. @returns whether it does */
  replace(message: M): Promise<boolean>;
  /** @returns what was removed */
  remove(id: string): Promise<M | undefined>;
  /** The user of that name who wrote last. */
  authorNamed(name: string): Promise<{ readonly id: string; readonly name: string } | undefined>;
  lastId(): Promise<string | undefined>;
  /**
   * Removes private messages that are older than a time (milliseconds since 1970) and belong to no job.
   * @returns what was removed
   */
  removePrivate(before: number): Promise<M[]>;
  /**
   * Messages that are older than a time (milliseconds since 1970) and show no job that waits or runs, oldest first.
   * @param most how many at most
   * @returns their ids
   */
  listBefore(at: number, most: number): Promise<string[]>;
}

export function createMessages<M extends StoredMessage>(sql: Sql): MessageStore<M> {
  const read = async (text: string, values: unknown[]) =>
    (await sql.query<{ data: M }>(text, values)).map(({ data }) => data);
  const valuesOf = (message: M) => [
    message.id,
    message.reader ?? null,
    message.job?.id ?? null,
    json(message),
  ];
  return {
    async list(user, { after, before, limit }) {
      const order = after === undefined ? 'desc' : 'asc';
      const messages = await read(
        `select data from darkroom.message
         where id > coalesce($2, '') and ($3::text is null or id < $3) and coalesce(reader, $1) = $1
         order by id ${order} limit $4`,
        [user, after ?? null, before ?? null, limit],
      );
      return after === undefined ? messages.reverse() : messages;
    },
    async get(id) {
      return (await read('select data from darkroom.message where id = $1', [id]))[0];
    },
    async ofJob(job) {
      return (await read('select data from darkroom.message where job = $1', [job]))[0];
    },
    async put(message) {
      const [row] = await sql.query<{ is_new: boolean }>(
        `insert into darkroom.message (id, reader, job, data) values ($1, $2, $3, $4)
         on conflict (id) do update set reader = excluded.reader, job = excluded.job, data = excluded.data
         returning xmax = 0 as is_new`,
        valuesOf(message),
      );
      return row?.is_new ?? false;
    },
    async replace(message) {
      const rows = await sql.query(
        'update darkroom.message set reader = $2, job = $3, data = $4 where id = $1 returning id',
        valuesOf(message),
      );
      return rows.length > 0;
    },
    async remove(id) {
      return (await read('delete from darkroom.message where id = $1 returning data', [id]))[0];
    },
    async removePrivate(before) {
      return read(
        `delete from darkroom.message m where reader is not null and job is null and at < $1 and not exists
           (select from darkroom.message answer where answer.id = m.data->>'answer' and answer.job is not null)
         returning data`,
        [new Date(before)],
      );
    },
    async listBefore(at, most) {
      const rows = await sql.query<{ id: string }>(
        `select id from darkroom.message m where at < $1 and not exists (select from darkroom.job j
           where j.id = m.job and j.state in ('queued', 'running')) order by at limit $2`,
        [new Date(at), most],
      );
      return rows.map(({ id }) => id);
    },
    async authorNamed(name) {
      const [row] = await sql.query<{ id: string }>(
        `select data->'author'->>'id' as id from darkroom.message
         where data->'author'->>'name' = $1 and data->'author'->>'bot' = 'false' order by id desc limit 1`,
        [name],
      );
      return row && { id: row.id, name };
    },
    async lastId() {
      const [row] = await sql.query<{ id: string | null }>('select max(id) as id from darkroom.message');
      return row?.id ?? undefined;
    },
  };
}
