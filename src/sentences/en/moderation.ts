/** Pictures that are checked, and prompts that break a rule. */
export const moderation = {
  'moderation.refused':
    'The safety check did not let this picture through, so it was not kept. Try another description.',
  'rules.broken': 'This request breaks the rule {rule} here, so nothing was drawn. Describe something else.',
  'rules.list':
    'Rules about prompts. Signs between letters and letters that look alike do not get around them; people see only the name of the rule that they broke.',
  'rules.none':
    'There are no rules about prompts yet. An example: /rules set weapons gun | machine gun | bomb*',
  'rules.set': 'Prompts must not have what the rule {name} lists: {words}',
  'rules.removed': 'The rule {name} no longer applies.',
  'rules.unknown': 'There is no rule {name}. {offer}',
  'rules.bad_name': '{name} is not a valid name of a rule. Use up to 40 letters, digits, - and _.',
  'rules.empty': 'The rule has no words. Write them with | between: gun | machine gun.',
  'rules.term_too_long': 'A term of the rule has {count} characters; the limit is {limit}. Shorten it.',
  'rules.term_too_short':
    'The term {term} is too short: a single letter stands in almost every prompt. Write a word.',
  'rules.too_many':
    'That would be {count} {what, select, rules {rules} terms {words and phrases} other {patterns}}; the limit is {limit} for all rules together. Remove some first.',
  'rules.bad_pattern':
    'The pattern {pattern} cannot be read. Use the syntax of RE2, which has no look-around and no back-references.',
  'rules.large_pattern':
    'The pattern {pattern} becomes too large when its repetitions are written out. Use smaller numbers in braces.',
  'rules.empty_pattern':
    'The pattern {pattern} also fits a prompt without any words, so it would refuse everything. Name at least one character.',
  'rules.long_request':
    'All texts of the request together have {count} characters; where prompts are checked, the limit is {limit}. Shorten them, or ask for fewer pictures.',
  'moderation.unchecked': 'The picture could not be checked, so it is not shown. Try again, or ask an admin.',
  'moderation.no_checker':
    'The model {model} has no safety checker, and pictures are checked here. Choose another model, or ask an admin.',
  'moderation.none_has_checker':
    'No installed model has a safety checker, so every request will be refused. The operator can give all models one: DARKROOM_CLASSIFIER.',
  'moderation.some_lack_checker':
    '{count, plural, one {This model has} other {These models have}} no safety checker, so requests for {count, plural, one {it} other {them}} will be refused: {names}. The operator can give all models one: DARKROOM_CLASSIFIER.',
  'moderation.no_review_channel':
    'No review_channel is set: pictures wait in /review, and nobody is told that they do. Set one: /config set review_channel #name',
  'moderation.refused_several':
    'The safety check did not let one or more of these pictures through, so none of them was kept. Try another description.',
  'review.held':
    'The safety check flagged this picture. It waits for a reviewer, who decides whether it is shown.',
  'review.held_several':
    'The safety check flagged one or more of these pictures. All of them wait for a reviewer, who decides whether they are shown.',
  'review.not_approved': 'A reviewer did not approve this picture, so it was deleted.',
  'review.not_approved_several': 'A reviewer did not approve these pictures, so they were deleted.',
  'review.waiting':
    '{count, plural, one {A picture by {name} has} other {# pictures by {name} have}} been waiting for a decision since {at}.',
  'review.prompt': 'Prompt',
  'review.negative': 'Negative prompt',
  'review.found': 'Found by the check',
  'review.finding': 'Picture {number}: {label} (score {score})',
  'review.unchecked': 'Picture {number}: not checked',
  'review.picture': 'Picture {number} of {count} that wait for a decision',
  'review.one_picture': 'A picture that waits for a decision',
  'review.decided_about': '{decision} Prompt: {prompt}',
  'review.only_reviewers': 'Only admins, and roles in review_roles, decide about pictures that wait.',
  'review.gone': 'That picture no longer waits: it was deleted, or has expired.',
  'review.decided_already': '{name} has already decided about that picture.',
  'review.done.approve': '{reviewer} approved a picture by {name}.',
  'review.done.reject': '{reviewer} rejected a picture by {name}.',
  'review.done.ban': '{reviewer} rejected a picture by {name} and banned them.',
  'review.none': 'No picture waits for a decision.',
  'review.count': '{count, plural, one {# picture waits} other {# pictures wait}} for a decision.',
  'review.history': 'The latest decisions:',
  'review.no_history': 'Nothing has been decided yet.',
  'review.deleted_job': 'somebody whose job was deleted',
  'review.channel_gone':
    'The review channel {channel} cannot be reached. Flagged pictures wait in /review; set another one: /config set review_channel #name',
} as const;
