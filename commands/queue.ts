/** /queue: my jobs, their position and time left, each with its Cancel. */
import { queuedText, runningText } from './cards.ts';
import { type Context, defineCommand } from './command.ts';
import type { Follower } from './follow.ts';
import type { LiveEvent } from './job-card.ts';

/** Id of the action that shows the queue again. */
export const SHOW_QUEUE = 'queue';
/** Buttons that every platform can show on one card. */
const MOST_BUTTONS = 5;

export interface QueuePorts {
  readonly follower: Pick<Follower, 'jobsOf'>;
}

export const queue = defineCommand({
  name: 'queue',
  description: 'Show your queued and running jobs, and cancel them.',
  options: {},
  examples: ['/queue'],
  async run(_values, { invocation, reply, ports }: Context<QueuePorts>) {
    const jobs = await ports.follower.jobsOf(invocation.user);
    if (jobs.length === 0)
      return reply.postEphemeral({ text: 'You have no queued or running jobs.', refresh: SHOW_QUEUE });
    await reply.postEphemeral({
      refresh: SHOW_QUEUE,
      text: jobs.length === 1 ? 'One job:' : `${jobs.length} jobs, oldest first:`,
      fields: jobs.map(({ record, event }, i) => ({
        name: `${i + 1}. ${brief(record.request.prompt)}`,
        value: describeState(event),
      })),
      actions: jobs
        .slice(0, MOST_BUTTONS)
        .map(({ record }, i) => ({ id: `cancel:${record.id}`, label: `Cancel ${i + 1}` })),
    });
  },
});

function describeState(event: LiveEvent | undefined) {
  if (event === undefined) return 'Accepted';
  if (event.state === 'queued') return queuedText(event);
  const { memory } = event;
  return memory === undefined
    ? runningText(event)
    : `${runningText(event)}, ${gigabytes(memory.bytes)} GB of memory`;
}

/** Gigabytes (2^30). */
const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);

const brief = (text: string) => (text.length <= 60 ? text : `${text.slice(0, 59).trimEnd()}\u2026`);
