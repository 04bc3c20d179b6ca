/** The settings that admins change in chat: what each means, and what of a value is refused. */
export const setting = {
  'setting.not_set': 'not set',
  'setting.unknown': 'There is no setting {name}. {offer}',
  'setting.wrong_scope':
    '{key} is not set for one {scope, select, user {user} role {role} channel {channel} other {server}}. It can be set for: {scopes}.',
  'setting.refused': '{key}: {reason}',
  'setting.too_long': '{count} characters are too many; the limit is {limit}.',
  'setting.not_whole': '{typed} is not a whole number from {min} to {max}.',
  'setting.not_number': '{typed} is not a number from {min} to {max}.',
  'setting.not_known': '{typed} is not known. {offer}',
  'setting.empty_list': 'The list is empty. To lift the rule, use /config reset.',
  'setting.not_size':
    '{typed} is not a size. Use multiples of {multiple} from {min} to {max}, for example 512x512.',
  'setting.default_model': 'Pictures are drawn with the model {value}, unless a request names another one.',
  'setting.default_style': 'The style {value} is added to every prompt.',
  'setting.default_size': 'Pictures are {value} pixels, unless a request says otherwise.',
  'setting.default_steps':
    '{count, plural, one {Pictures take # step, unless a request says otherwise.} other {Pictures take # steps, unless a request says otherwise.}}',
  'setting.default_guidance': 'The guidance scale is {value}, unless a request says otherwise.',
  'setting.default_sampler': 'The sampler is {value}, unless a request says otherwise.',
  'setting.default_negative_prompt': 'Every negative prompt also says: {value}.',
  'setting.allowed_models': 'Only these models are allowed: {value}.',
  'setting.max_size': 'No side of a picture is longer than {value} pixels.',
  'setting.max_steps':
    '{count, plural, one {A picture takes at most # step.} other {A picture takes at most # steps.}}',
  'setting.max_count':
    '{count, plural, one {A request makes at most # picture.} other {A request makes at most # pictures.}}',
  'setting.channels': 'Pictures are allowed only in {value}.',
  'setting.roles': 'Only {value} can request pictures.',
  'setting.quota_waiting':
    '{count, plural, one {Each user can have # picture waiting.} other {Each user can have # pictures waiting.}}',
  'setting.quota_gpu_seconds_per_day':
    '{count, plural, one {Each user can use # GPU-second within 24 hours.} other {Each user can use # GPU-seconds within 24 hours.}}',
  'setting.server_gpu_seconds_per_day':
    '{count, plural, one {All users together can use # GPU-second within 24 hours.} other {All users together can use # GPU-seconds within 24 hours.}}',
  'setting.weight': "Each user's share of the GPU is {value} times the usual one.",
  'setting.result_private': 'Only the user who asked sees the result.',
  'setting.result_public': 'Everybody in the channel sees results.',
  'setting.prompt_in_files_on': 'Files of pictures carry their prompt and recipe.',
  'setting.prompt_in_files_off':
    'Files of pictures that everybody sees carry no prompt, no seed and no other part of the recipe; they still say that a model drew them. The recipe is kept here: only whoever asked and admins see it with /recipe. What the messages show, such as the prompt, stays.',
  'setting.commercial_only_on':
    'Only models whose licence is known to allow commercial use may be used; the same holds for LoRAs, upscalers, ControlNets, VAEs, text encoders, embeddings and detectors. Jobs that wait for others end with a sentence.',
  'setting.commercial_only_off': 'Models may be used whatever their licence says about commercial use.',
  'setting.mention_on': 'Whoever asked is mentioned when a picture that took a while is ready.',
  'setting.mention_off': 'Nobody is mentioned when a picture is ready.',
  'setting.threads_on': 'Each request opens a thread.',
  'setting.threads_off': 'Requests are answered in their channel.',
  'setting.direct_on': 'Pictures are allowed in direct messages.',
  'setting.direct_off': 'Pictures are not allowed in direct messages.',
  'setting.age_on': 'Pictures are allowed only in age-restricted channels.',
  'setting.age_off': 'Pictures are allowed in any channel.',
  'setting.usage_retention_days':
    'Sums of what was used, and what is left of deleted jobs, are deleted after {count} days.',
  'setting.picture_retention_days':
    '{count, plural, one {Pictures are deleted after # day.} other {Pictures are deleted after # days.}}',
  'setting.log_channel': 'Changes of settings are posted in {value}.',
  'setting.admin_roles': '{value} can change settings.',
  'setting.paused_on': 'Paused: no new pictures are accepted.',
  'setting.paused_off': 'New pictures are accepted.',
  'setting.banned_on': 'Banned from requesting pictures.',
  'setting.banned_off': 'Allowed to request pictures.',
  'setting.default_upscaler': 'Upscale enlarges with {value}, unless the model has an upscaler of its own.',
  'setting.prompt_rules_on': 'Prompts must keep to the rules of /rules.',
  'setting.prompt_rules_off': 'The rules of /rules do not apply.',
  'setting.moderation.off': 'Finished pictures are not checked.',
  'setting.moderation.spoiler':
    'Finished pictures are checked; those that are flagged are hidden until somebody opens them.',
  'setting.moderation.hold': 'Finished pictures are checked; those that are flagged wait for a reviewer.',
  'setting.moderation.refuse': 'Finished pictures are checked; those that are flagged are not posted.',
  'setting.review_channel': 'Flagged pictures are shown to reviewers in {value}.',
  'setting.review_roles': 'Besides admins, these roles review flagged pictures: {value}.',
} as const;
