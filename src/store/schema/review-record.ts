/** What a review ended with, and messages that were to be posted to a review channel when the program ended. */
export const reviewRecord = /* sql */ `
alter table darkroom.review add column is_ban boolean not null default false;

-- Of a message in a review channel: noted before it is posted, with the channel as the setting names it and no message yet.
alter table darkroom.review_message
  add column tenant text,
  add column at timestamptz not null default clock_timestamp();
`;
