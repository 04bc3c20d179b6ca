/** What an admin has ruled, as its users meet it. */
export const policy = {
  'policy.banned': 'An admin has banned you from requesting pictures here.',
  'policy.paused': 'An admin has paused new pictures here. Try again later.',
  'policy.which_tenant':
    'I cannot tell which {tenant} you belong to. Ask in a channel of a {tenant} that I am in.',
  'policy.only_roles': 'Only {roles} can request pictures here.',
  'policy.age_restricted': 'Pictures are allowed only in age-restricted channels here. Ask in one of those.',
  'policy.other_channels': 'Pictures are not allowed in this channel. Ask in {channels}.',
  'policy.no_direct':
    'Pictures are not allowed in direct messages by your {tenant}. Ask in one of its channels.',
  'policy.model': 'The model {model} is not allowed here; {whose} setting allows {models}.',
  'policy.at_most': 'You asked for {asked}; {whose} limit is {limit} ({key}). Try {limit}.',
  'policy.steps': '{steps} steps',
  'policy.pictures': '{count} pictures',
  'policy.whose.server': "this server's",
  'policy.whose.channel': "this channel's",
  'policy.whose.role': "your role's",
  'policy.whose.user': 'your own',
  'policy.admins_only': 'Only {admins}, and roles in admin_roles, can change settings.',
  'platform.web': 'The web chat',
  'platform.discord': 'Discord',
  'platform.slack': 'Slack',
  'platform.web.tenant': 'chat',
  'platform.discord.tenant': 'server',
  'platform.slack.tenant': 'workspace',
  'platform.web.admins': 'the operator and admins of this chat',
  'platform.discord.admins': 'members who can manage this server',
  'platform.slack.admins': 'admins of this workspace',
  'target.no_such_kind': '{platform} has no {kind, select, user {users} role {roles} other {channels}}.',
  'target.other_kind':
    '{typed} is {given, select, user {a user} role {a role} other {a channel}}, not {kind, select, user {a user} role {a role} other {a channel}}.',
  'target.missing': 'Say which {kind, select, user {user} role {role} other {channel}} you mean.',
  'target.none':
    'This {tenant} has no {kind, select, user {user} role {role} other {channel}} {name}. Mention it, so that I know which one you mean.',
} as const;
