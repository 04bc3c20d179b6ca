/** What a job's message has besides its state, for a process that dies before it was posted. */
export const jobFrame = /* sql */ `
alter table darkroom.job add column frame jsonb not null default '{}';
`;
