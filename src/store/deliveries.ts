/** Where jobs' messages stand on platforms that keep their own messages. */
import type { Sql } from './sql.ts';

export interface DeliveryRecord {
  /** The job's id. */
  readonly id: string;
  readonly platform: string;
  readonly channel: string;
  readonly message: string;
}

export interface DeliveryStore {
  get(job: string): Promise<DeliveryRecord | undefined>;
  put(delivery: DeliveryRecord): Promise<void>;
}

export function createDeliveries(sql: Sql): DeliveryStore {
  return {
    async get(job) {
      const [row] = await sql.query<DeliveryRecord & Record<string, unknown>>(
        'select id, platform, channel, message from darkroom.delivery where id = $1',
        [job],
      );
      return row;
    },
    async put({ id, platform, channel, message }) {
      await sql.query(
        `insert into darkroom.delivery (id, platform, channel, message) values ($1, $2, $3, $4)
         on conflict (id) do update set platform = excluded.platform, channel = excluded.channel,
           message = excluded.message`,
        [id, platform, channel, message],
      );
    },
  };
}
