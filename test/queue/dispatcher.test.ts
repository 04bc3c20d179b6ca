/** Steps of jobs that meet on a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dispatcher } from '../../src/queue/dispatcher.ts';
import { Tickets } from '../../src/queue/tickets.ts';
import type { GenerationRequest } from '../../src/request.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openServer } from '../../src/store/postgres.ts';
import { checkSums } from '../usage/sums.ts';
import { PostgresServer, skipServer } from './databases.ts';

test('a job that ends and is cancelled at the same moment ends once, and neither step fails', {
  skip: skipServer,
}, async () => {
  const server = await PostgresServer.start();
  const url = await server.database();
  const database = await openServer({ url });
  await migrate(database);
  const tickets = await Tickets.open(database, { url, onError: assert.ifError });
  const dispatcher = new Dispatcher(database, tickets);
  const request = { model: 'mini' } as GenerationRequest;
  try {
    for (let i = 0; i < 25; i++) {
      const user = { id: `u${i}`, name: 'u' };
      await dispatcher.submit({
        ...{ id: `${i}`, tenant: 's', user, platform: 'web', channel: 'web', request },
        ...{ inputs: {}, notes: [], cost: 1 },
      });
      const claim = await dispatcher.claim({ worker: 'w', models: ['mini'], busy: [], warm: [] });
      const [isFinished] = await Promise.all([
        dispatcher.finish(claim!, 2, { state: 'done', pictures: [], notes: [] }),
        dispatcher.cancel(`${i}`),
      ]);
      assert.equal(isFinished, true);
    }
    const [sums] = await database.query(
      `select count(*)::int as jobs, sum(actual)::float8 as seconds,
         (select sum(gpu_seconds) from darkroom.usage)::float8 as usage,
         count(*) filter (where state in ('done', 'cancelled'))::int as ended,
         (select count(*) from darkroom.outbox)::int as outbox from darkroom.job`,
    );
    assert.deepEqual(sums, { jobs: 25, seconds: 50, usage: 50, ended: 25, outbox: 25 });
    await checkSums(database);
  } finally {
    await tickets.close();
    await database.close();
    await server.stop();
  }
});
