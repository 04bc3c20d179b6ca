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
  'download.no_address':
    "{text} is no model's address. Use owner/name or owner/name@revision of the Hugging Face Hub, civitai:NUMBER, or the address of a page or file.",
  'download.other_file':
    '{host} offers {file}. Darkroom takes .safetensors, and .ckpt, .pt, .pth and .bin of PyTorch.',
  'download.not_https': '{host} redirects to an address that is not used: only https is followed from there.',
  'download.redirects': '{host} redirects more than {limit} times.',
  'download.stopped': 'The download was stopped.',
  'download.long_answer': '{host} answered with more than {limit} bytes.',
  'download.not_hashed': '{host} has not hashed {name} yet. Try again in some minutes.',
  'download.no_version': 'Model {model} of {host} has no version that can be downloaded.',
  'download.other_version': 'Model {model} of {host} has no version {version}. It has {known}.',
  'download.no_weights': "This version has {names}; Darkroom takes .safetensors and PyTorch's files.",
  'download.wants_account':
    '{host} wants an account for {what}. Make an API key in its account settings and set CIVITAI_TOKEN to it.',
  'download.account_refused':
    '{host} does not let the account of CIVITAI_TOKEN have {what}. Open its page to see what it asks for.',
  'download.no_number': '{host} has no {what}. Check the number.',
  'download.status': '{host} answered {status} for {what}. Try again later.',
  'download.not_civitai': '{host} does not answer as Civitai does. Try again later.',
  'download.in_the_way': '{path} is there already and is not this model. Rename or remove it first.',
  'download.no_room':
    'The download needs {wanted} in {folder}; {free} are free. Free some, or name another folder with --to.',
  'download.damaged':
    '{file} came damaged: its {what} is not the one that {host} names. Run the command again.',
  'download.larger': '{file} is larger than the {bytes} bytes that {host} names.',
  'download.not_stored': '{file} cannot be stored: {reason}. What has come is kept.',
  'download.no_safetensors': '{part} has no weights as safetensors; it has {names}.',
  'download.no_model':
    '{page} has no model that Darkroom reads: neither a pipeline of diffusers nor a .safetensors file.',
  'download.many_files': '{repository} has more than {limit} files; that is no model.',
  'download.no_file': '{repository} has no file {file} at revision {revision}.',
  'download.bad_index': 'model_index.json of {repository} is not a JSON object.',
  'download.gated':
    '{repository} is gated. Accept its terms on {page}, make a token there, and set HF_TOKEN to it.',
  'download.token_refused':
    'The token in HF_TOKEN may not read {repository}. Accept its terms on {page} with the account of that token.',
  'download.not_public':
    '{host} has no {repository} that everybody may read. Check the name, or set HF_TOKEN to a token that may read it.',
  'download.bad_token':
    '{host} does not accept the token in HF_TOKEN for {repository}. Check the name and the token.',
  'download.no_revision': '{repository} has no revision {revision}.',
  'download.no_repository': '{host} has no model {repository}. Check the name.',
  'download.not_hub': '{host} does not answer like the Hugging Face Hub. Check HF_ENDPOINT.',
  'download.no_size':
    '{host} does not say how large the file is. Download it by other means and put it into a folder of DARKROOM_MODELS.',
  'download.packed':
    '{host} sends the file packed, so that its size cannot be checked. Download it by other means and put it into a folder of DARKROOM_MODELS.',
  'download.not_readable': '{host} does not let everybody read {path} ({status}).',
  'download.no_sha256':
    'the server names no SHA-256, so the file is checked by its size and its own header only',
  'download.url_status': '{host} answered {status} for {path}.',
  'download.asks_to_wait':
    '{what} and asks to wait {minutes} minutes. Try again then; what has come is kept.',
  'download.failed_often':
    '{what}, {count} times in a row. Check the network and try again; what has come is kept.',
  'download.only_pickles': 'there is no safetensors file, so PyTorch pickles are fetched',
  'download.only_pickles_of': '{part}: there is no safetensors file, so PyTorch pickles are fetched',
  'download.pickle_scan': "Civitai's pickle scan says {result}",
  'download.virus_scan': "Civitai's virus scan says {result}",
  'download.reason.unreachable': '{host} cannot be reached',
  'download.reason.answered': '{host} answered {status}',
  'download.reason.broke_off': '{host} broke off',
  'download.reason.slow': '{host} sends next to nothing',
  'download.reason.no_part': '{host} has no such part of {file}',
} as const;
