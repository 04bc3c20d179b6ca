/** /queue: my jobs. */
export const queue = {
  'queue.empty': 'You have no queued or running jobs.',
  'queue.jobs': '{count, plural, one {One job:} other {# jobs, oldest first:}}',
} as const;
