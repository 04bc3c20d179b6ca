/** What a queue refuses, and what happens to a job on its way. */
export const quota = {
  'quota.none_jobs': 'Your quota allows no waiting jobs here. Ask an admin for a higher one.',
  'quota.none_pictures': 'Your quota allows no waiting pictures here. Ask an admin for a higher one.',
  'quota.pictures_at_once': 'You asked for {count} pictures; you may have {limit} waiting. Try --n {limit}.',
  'quota.wait': 'Wait until one starts',
  'quota.next_starts': 'The next one starts in {time}: wait for it',
  'quota.jobs':
    'You have {used, plural, one {# waiting job} other {# waiting jobs}}; the limit is {limit}. {starts}, or cancel one in /queue.',
  'quota.pictures':
    'You have {used, plural, one {# waiting picture} other {# waiting pictures}}; the limit is {limit}. {starts}, or cancel one in /queue.',
  'quota.group_jobs':
    'You and other new visitors from your network have {used, plural, one {# waiting job} other {# waiting jobs}}; the limit is {limit}. {starts}, or cancel one in /queue.',
  'quota.group_pictures':
    'You and other new visitors from your network have {used, plural, one {# waiting picture} other {# waiting pictures}}; the limit is {limit}. {starts}, or cancel one in /queue.',
  'quota.request_beyond_own':
    'This request takes about {cost} GPU-seconds; your limit is {limit} in 24 hours. Choose a smaller size, fewer steps or fewer pictures.',
  'quota.request_beyond_server':
    "This request takes about {cost} GPU-seconds; the server's limit is {limit} in 24 hours. Choose a smaller size, fewer steps or fewer pictures.",
  'quota.frees_later': 'when the waiting jobs have ended',
  'quota.frees_in': 'in {time}',
  'quota.day':
    'You have used or requested {used} GPU-seconds in the last 24 hours, and this request takes about {cost}; your limit is {limit}. There is room again {frees}.',
  'quota.group_day':
    'You and other new visitors from your network have used or requested {used} GPU-seconds in the last 24 hours, and this request takes about {cost}; your limit is {limit}. There is room again {frees}.',
  'quota.server_day':
    "This server has used or requested {used} GPU-seconds in the last 24 hours, and this request takes about {cost}; the server's limit is {limit}. There is room again {frees}.",
  'quota.about_seconds': 'about {seconds} s',
  'quota.about_minutes': 'about {minutes} minutes',
  'quota.about_hours': 'about {hours} hours',
  'queue.no_machine': 'No running machine has the model {model}. Choose another: {models}.',
  'queue.model_removed':
    'The model {model} was removed from this machine while this waited. Choose another model and ask again.',
  'queue.stopped_twice':
    'The engine stopped twice while drawing this picture. Try a smaller size or fewer pictures.',
  'queue.input_deleted': 'A picture that this job needs was deleted. Choose another one.',
  'queue.moved': '{device} failed in the middle of this picture; it was started again on another device.',
  'queue.restarted': '{device} failed in the middle of this picture; it was started again.',
} as const;
