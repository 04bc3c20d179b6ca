/** The web chat's conversation. */
import { json, type Sql } from './sql.ts';

/** As much of a message as is looked for. */
export interface KeptMessage {
  /** Grows with time, so that `after` works by comparison. */
  readonly id: string;
  /** Who alone may see it; all where absent. */
  readonly reader?: string;
  readonly job?: { readonly id: string };
}

export interface MessageStore<M extends KeptMessage> {
  /** What a user may see, oldest first. */
  list(user: string, after: string | undefined): Promise<M[]>;
  get(id: string): Promise<M | undefined>;
  /** The message that shows a job. */
  ofJob(job: string): Promise<M | undefined>;
  /** New, or in place of the one with that id; on the disk when it resolves. @returns whether it is new */
  put(message: M): Promise<boolean>;
  /** In place of the one with that id, where it is still there. @returns whether it was */
  replace(message: M): Promise<boolean>;
  /** @returns what was removed */
  remove(id: string): Promise<M | undefined>;
  lastId(): Promise<string | undefined>;
}

export function createMessages<M extends KeptMessage>(sql: Sql): MessageStore<M> {
  const read = async (text: string, values: unknown[]) =>
    (await sql.query<{ data: M }>(text, values)).map(({ data }) => data);
  const valuesOf = (message: M) => [
    message.id,
    message.reader ?? null,
    message.job?.id ?? null,
    json(message),
  ];
  return {
    list: (user, after) =>
      read(
        `select data from darkroom.message where id > $2 and coalesce(reader, $1) = $1
         order by id`,
        [user, after ?? ''],
      ),
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
    async lastId() {
      const [row] = await sql.query<{ id: string | null }>('select max(id) as id from darkroom.message');
      return row?.id ?? undefined;
    },
  };
}
