/** Models that are fetched: where from, and why not. */
export const download = {
  'download.not_allowed':
    'Models of {what} may not be fetched here; the operator allows {allowed} (DARKROOM_MODELS_ADD).',
  'download.not_from_chats':
    'Models are not fetched from chats here. The operator can allow it with DARKROOM_MODELS_ADD, or run darkroom models add.',
  'download.draws_nothing':
    'This process draws no pictures. Run darkroom models add on the machine of the worker.',
  'download.queue_full': '{count} downloads wait already. Try again when some are done.',
  'download.waiting': 'waiting for {count, plural, one {another download} other {# other downloads}}',
  'download.share': '{bytes} of {total}',
  'download.pace': '{bytes} of {total}, {rate} a second, {time} left',
  'download.seconds': '{count} s',
  'download.minutes': '{count} min',
  'download.fact.model': 'model',
  'download.fact.page': 'page',
  'download.fact.licence': 'licence',
  'download.fact.access': 'access',
  'download.fact.size': 'size',
  'download.fact.cached': 'cached',
  'download.fact.format': 'format',
  'download.fact.note': 'note',
  'download.no_licence': 'none stated',
  'download.files': '{size} in {count, plural, one {# file} other {# files}}',
  'download.in_cache': "{count} of them are in the Hub's cache on this machine",
  'download.pickles': 'PyTorch pickles; Darkroom reads them without running their code',
} as const;
