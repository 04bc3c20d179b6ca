/** What the server of the web chat refuses, and the pages that it draws. */
export const web = {
  'web.message_gone': 'That message no longer exists. Choose another one.',
  'web.button_gone': 'That message no longer has this button.',
  'web.no_address': '{call} does not exist.',
  'web.wrong_host':
    'This chat is reached as {own}, not as {host}. Behind a reverse proxy, set DARKROOM_URL to the public address.',
  'web.wrong_origin':
    'Requests from pages of {origin} are not allowed. Open the chat itself; behind a reverse proxy, DARKROOM_URL must be its public address.',
  'web.no_job': 'That job does not exist.',
  'web.picture_gone': 'That picture no longer exists.',
  'web.not_yours': 'This message belongs to {name}. You can delete your own messages.',
  'web.chat_full': 'Too many people have the chat open at the moment. Try again in a minute.',
  'web.open_windows': 'Your network has the chat open {count} times. Close some of its windows.',
  'web.many_pictures':
    'Your network sent many pictures in a short time. Wait {seconds} s, then send the message again.',
  'web.many_requests':
    'You sent more than {count} requests in a short time. Wait {seconds} s, then try again.',
  'web.many_from_network':
    'Your network sent too many requests in a short time. Wait {seconds} s, then try again.',
  'web.many_visitors': 'Too many new visitors came from your network. Try again in {seconds} s.',
  'web.many_visitors_page':
    'Too many new visitors came from your network. Wait some minutes, then open the chat again.',
  'web.many_tokens': 'Too many wrong tokens came from your network. Wait {seconds} s, then try again.',
  'web.wrong_token': 'That is not the token of this chat. Ask its operator for it.',
  'web.needs_token': 'This chat needs a token. Open it once with ?token=…, or send Authorization: Bearer ….',
  'web.upload_stopped': 'The upload stopped before it was complete. Send the message again.',
  'web.message_too_large':
    'Your message has more than {limit}. Send a shorter one, or smaller or fewer pictures.',
  'web.uploads_open':
    '{count} of your uploads are not finished. Wait for one of them, then send the message again.',
  'web.uploads_full':
    'Too many uploads are under way at the moment. Send the message again in a few seconds.',
  'web.too_many_files': 'You attached more than {limit} files; at most {limit} are allowed. Send fewer.',
  'web.text_too_long':
    'The message has more than {limit} characters; at most {limit} are allowed. Shorten it.',
  'web.form_damaged': 'The form is incomplete or damaged. Send it again.',
  'web.name_needs_link':
    'The name {name} needs a link from the operator of this chat. Ask for one, or choose another name.',
  'web.status_by_admins': 'Only the operator and admins of this chat can see this page.',
  'web.links_by_admins': 'Only the operator and admins of this chat can make links.',
  'web.admin_link_by_operator':
    'Only the operator can make a link for an admin. `darkroom people link NAME --admin` makes one on the server.',
  'web.held_link_by_operator':
    "Only the operator can make a link for {name}: the name is an admin's, or somebody has it by a link.",
  'web.operator_needs_none': '{name} is the operator, who needs no link.',
  'web.other_person': 'This browser is {name}. Open the link in the browser of {owner}; it was not used up.',
  'web.the_operator': 'the operator',
  'web.bad_name':
    'A name has 1 to 40 letters, digits, spaces, . _ or -, and is neither Darkroom nor guest-….',
  'web.mixed_name': '{name} mixes letters of two alphabets that look alike. Use one of them.',
  'web.link_used': 'This link was used already, or is older than 24 hours. Ask for a new one.',
  'web.open_chat': 'Open the chat',
  'web.choose_name': 'Choose a name',
  'web.token': 'Token',
  'web.token_hint': 'The operator of this chat gave it to you.',
  'web.name': 'Name',
  'web.name_hint': 'What the others see. Without one you are a guest with a number.',
  'web.come_in': 'Come in as {name}',
  'web.link_hint': 'This link opens the chat once, in this browser.',
  'web.title.forbidden': 'Not allowed',
  'web.title.not_found': 'Not found',
  'web.title.too_many': 'Too many requests',
  'web.title.internal': 'Something went wrong',
  'web.title.other': 'This does not work',
  'web.many_links': '{count} links are open and not used yet. They expire after {hours} hours.',
  'web.name_taken': 'The name {name} belongs to somebody else. Choose another one.',
  'web.many_names': 'You have had {count} names, and they stay yours. Choose one of them again.',
} as const;
