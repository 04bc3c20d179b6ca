/** What adapters add to a card, and what they refuse in place of their platform. */
export const card = {
  'card.more': 'More',
  'card.picture': 'A picture',
  'card.several_pictures': '{count} pictures: {alt}',
  'card.in_progress': 'The picture in progress',
  'card.for': 'for {name}',
  'card.origin': '{what} (from {picture})',
  'card.this_picture': 'this picture',
  'card.another_picture': 'another picture',
  'card.attached_picture': 'an attached picture',
  'discord.menu.edit': 'Edit picture',
  'discord.menu.use': 'Use picture as',
  'platform.job_message_deleted': "This job's message was deleted.",
  'platform.message_gone': 'That message was deleted, or its channel cannot be read.',
  'platform.no_picture': 'That message has no picture. Choose one that has.',
  'platform.old_form': 'That form is out of date. Open it again.',
  'discord.may_not_post':
    'I cannot post pictures in this channel. An admin of this server can allow me Send Messages and Attach Files here.',
  'discord.may_not_see_and_post':
    'I cannot post pictures in this channel. An admin of this server can allow me View Channel, Send Messages and Attach Files here.',
  'discord.may_not_see': 'I cannot see this channel. An admin of this server can allow me View Channel here.',
  'discord.thread_closed': 'This thread is archived or locked. Reopen it, then ask again.',
  'discord.no_direct':
    'I cannot send you a direct message. Allow direct messages from this server, or use a slash command.',
  'discord.private_needs_direct':
    'My answer is private, and you do not take direct messages. Use a slash command instead.',
  'discord.refused': 'Discord refused this message (code {code}).',
  'discord.no_channel': 'This server has no channel {channel} that I can write in.',
  'slack.may_not_post': 'I cannot post in this channel. Invite me with /invite @Darkroom, then ask again.',
  'slack.restricted':
    'Only some members can post in this channel. A workspace owner can let this app post here too; or ask in another channel.',
  'slack.no_scope':
    'This app lacks a permission of the workspace. Its operator finds it with `darkroom doctor --slack` and installs the app again.',
  'slack.archived': 'This channel is archived. Ask in another one.',
  'slack.refused': 'Slack refused this message ({code}).',
  'slack.no_channel': 'This workspace has no channel {channel}.',
  'media.gone': 'That picture no longer exists. Attach it again.',
  'media.not_fetched': 'That picture could not be fetched. Attach it again.',
  'media.cut_off': 'That picture could not be read to its end. Attach it again.',
  'media.too_large': 'That picture is larger than {limit} MB. Send a smaller one.',
  'media.file_too_large': '{name} is {size} MB; the limit is {limit} MB. Attach a smaller picture.',
  'media.redirected':
    'The address of that picture was redirected more than {count} times. Attach the picture again.',
  'media.only_here': 'Pictures are only fetched from this chat. Attach the picture to your message.',
  'slack.file_not_seen': 'That file was deleted, or you cannot see it. Attach the picture instead.',
  'card.hidden': 'Hidden by the safety check. Press Show picture to see it; nobody else will.',
} as const;
