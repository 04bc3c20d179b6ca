/** Where jobs' messages are on platforms that keep their own messages. */
import type { Sql } from './sql.ts';

interface DeliveryRecord {
  readonly job: string;
  readonly platform: string;
  readonly channel: string;
  readonly message: string;
}

export interface DeliveryStore {
  get(job: string): Promise<DeliveryRecord | undefined>;
  /** The jobs whose message it is; after a new try in the same message there are several. */
  ofMessage(platform: string, message: string): Promise<string[]>;
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
    async ofMessage(platform, message) {
      const rows = await sql.query<{ job: string }>(
        'select job from darkroom.delivery where platform = $1 and message = $2',
        [platform, message],
      );
      return rows.map(({ job }) => job);
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
