/** Where jobs' messages are on platforms that keep their own messages. */
import type { Sql } from './sql.ts';

export interface DeliveryRecord {
  readonly job: string;
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
        'select job, platform, channel, message from darkroom.delivery where job = $1',
        [job],
      );
      return row;
    },
    async put({ job, platform, channel, message }) {
      await sql.query(
        `insert into darkroom.delivery (job, platform, channel, message) values ($1, $2, $3, $4)
         on conflict (job) do update set platform = excluded.platform, channel = excluded.channel,
           message = excluded.message`,
        [job, platform, channel, message],
      );
    },
  };
}
