/** /queue: my jobs, their position and time left, each with its Cancel. */

import type { Say } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { type Context, defineCommand } from './command.ts';
import type { Follower } from './follow.ts';
import type { LiveEvent } from './job-card.ts';
import { queuedText, runningText } from './progress-text.ts';

/** Id of the action that shows the queue again. */
export const SHOW_QUEUE = 'queue';
/** Buttons that every platform can show on one card. */
const MOST_BUTTONS = 5;

export interface QueuePorts {
  readonly follower: Pick<Follower, 'jobsOf'>;
}

export const queue = defineCommand({
  name: 'queue',
  description: 'describe.queue',
  options: {},
  examples: ['/queue'],
  async run(_values, { invocation, reply, say, ports }: Context<QueuePorts>) {
    const jobs = await ports.follower.jobsOf(invocation.user);
    if (jobs.length === 0) return reply.postEphemeral({ text: say('queue.empty'), refresh: SHOW_QUEUE });
    await reply.postEphemeral({
      refresh: SHOW_QUEUE,
      text: say('queue.jobs', { count: jobs.length }),
      fields: jobs.map(({ record, event }, i) => ({
        name: `${i + 1}. ${brief(record.request.prompt)}`,
        value: describeState(event, record, say),
      })),
      actions: jobs.slice(0, MOST_BUTTONS).map(({ record }, i) => ({
        id: `cancel:${record.id}`,
        label: say('button.cancel_number', { number: i + 1 }),
      })),
    });
  },
});

function describeState(event: LiveEvent | undefined, record: JobRecord, say: Say) {
  if (event === undefined) return say('job.accepted');
  if (event.state === 'queued') return queuedText(event, say);
  const { memory } = event;
  const state = runningText(event, record, say);
  return memory === undefined ? state : say('job.memory', { state, gigabytes: gigabytes(memory.bytes) });
}

/** Gigabytes (2^30). */
const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);

const brief = (text: string) => (text.length <= 60 ? text : `${text.slice(0, 59).trimEnd()}\u2026`);
