/** /queue: my jobs, their place and their time left, each with its Cancel. */
import { formatSeconds, queuedText } from './cards.ts';
import { defineCommand } from './command.ts';
import type { LiveEvent } from './job-card.ts';

/** Buttons that every platform can show on one card. */
const MOST_BUTTONS = 5;

export const queue = defineCommand({
  name: 'queue',
  description: 'Show my jobs that wait or run, and cancel them.',
  options: {},
  examples: ['/queue'],
  async run(_values, { invocation, reply, desk }) {
    const jobs = await desk.liveJobs(invocation.user);
    if (jobs.length === 0) return reply.postEphemeral({ text: 'None of your jobs waits or runs.' });
    await reply.postEphemeral({
      text: jobs.length === 1 ? 'One job:' : `${jobs.length} jobs, the oldest first:`,
      fields: jobs.map(({ record, event }, i) => ({
        name: `${i + 1}. ${brief(record.request.prompt)}`,
        value: placeOf(event),
      })),
      actions: jobs
        .slice(0, MOST_BUTTONS)
        .map(({ record }, i) => ({ id: `cancel:${record.id}`, label: `Cancel ${i + 1}` })),
    });
  },
});

function placeOf(event: LiveEvent | undefined) {
  if (event === undefined) return 'Accepted';
  if (event.state === 'queued') return queuedText(event);
  return `Step ${event.step} of ${event.steps}, ${formatSeconds(event.etaSeconds)} left`;
}

const brief = (text: string) => (text.length <= 60 ? text : `${text.slice(0, 59).trimEnd()}\u2026`);
