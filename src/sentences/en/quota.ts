/** What a queue refuses, and what happens to a job on its way. */
export const quota = {
  'quota.none_jobs': 'You may have no waiting jobs here. Ask an admin for a higher quota.',
  'quota.none_pictures': 'You may have no waiting pictures here. Ask an admin for a higher quota.',
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
    'This request takes about {cost} GPU-seconds; your limit is {limit} in 24 hours. Choose a smaller size, fewer steps or fewer images.',
  'quota.request_beyond_server':
    "This request takes about {cost} GPU-seconds; the server's limit is {limit} in 24 hours. Choose a smaller size, fewer steps or fewer images.",
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
    'The engine stopped twice while generating this image. Try a smaller size or fewer images.',
  'queue.input_deleted': 'An input image of this job was deleted. Choose another image.',
  'queue.moved': '{device} failed in the middle of this picture; it was started again on another device.',
  'queue.restarted': '{device} failed in the middle of this picture; it was started again.',
} as const;
