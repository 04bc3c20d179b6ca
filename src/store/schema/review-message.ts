/** The messages in which pictures were shown to reviewers: they change when the pictures no longer wait. */
export const reviewMessage = /* sql */ `
create table darkroom.review_message (
  number bigint generated always as identity primary key,
  platform text not null,
  channel text not null,
  message text not null,                             -- empty where only the files can be deleted
  job text not null,                                 -- whose pictures it shows
  files jsonb not null default '[]',                 -- ids of files that the platform keeps beside the message
  taken_until timestamptz                            -- by the process that is changing it
);
create index review_message_job on darkroom.review_message (job);
`;
