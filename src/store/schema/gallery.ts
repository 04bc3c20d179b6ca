/**
 * Finished pictures as they are searched: a row each from its job's end until the job is removed. Triggers write them, so
 * that no way of ending or removing a job forgets them; the words follow (src/store/gallery.ts), since only the program
 * knows what a word is in every script.
 */
export const gallery = /* sql */ `
create table darkroom.gallery (
  id text primary key,                               -- of the picture
  number bigint generated always as identity,        -- the order in which they were finished
  job text not null,
  place int not null,                                -- among the job's pictures, from 0
  at timestamptz not null,                           -- when it was finished
  tenant text collate "C" not null,
  channel text collate "C" not null,
  user_id text collate "C" not null,                 -- who asked for it
  model text not null,
  is_private boolean not null,
  words tsvector                                     -- of its prompt; null until they are written
);
create index gallery_tenant on darkroom.gallery (tenant, number);
create index gallery_user on darkroom.gallery (user_id, number);
create index gallery_job on darkroom.gallery (job);
create index gallery_words on darkroom.gallery using gin (words);
create index gallery_unread on darkroom.gallery (number) where words is null;

create table darkroom.star (
  picture text not null references darkroom.gallery on delete cascade,
  user_id text collate "C" not null,
  at timestamptz not null default clock_timestamp(),
  primary key (picture, user_id)
);
create index star_user on darkroom.star (user_id);

create function darkroom.show_in_gallery(j darkroom.job) returns void language sql as $f$
  insert into darkroom.gallery (id, job, place, at, tenant, channel, user_id, model, is_private)
    select picture->>'id', j.id, place - 1, coalesce(j.ended_at, clock_timestamp()), j.tenant, j.channel,
      coalesce(j.requested_by, j.user_id), j.model, coalesce((j.frame->>'isPrivate')::boolean, false)
    from jsonb_array_elements(j.pictures) with ordinality as listed(picture, place) order by place
    on conflict do nothing
$f$;

create function darkroom.keep_gallery() returns trigger language plpgsql as $f$
begin
  if new.is_removed then
    delete from darkroom.gallery where job = new.id;
  elsif new.state = 'done' then
    -- Pictures may come after their job's end: a reviewer has approved them.
    delete from darkroom.gallery where job = new.id and not new.pictures @> jsonb_build_array(jsonb_build_object('id', id));
    perform darkroom.show_in_gallery(new);
  end if;
  return null;
end $f$;
create trigger keep_gallery after update of state, pictures, is_removed on darkroom.job for each row
  when (old.state <> new.state or old.pictures <> new.pictures or new.is_removed and not old.is_removed) execute function darkroom.keep_gallery();

-- Pictures of before this step.
select darkroom.show_in_gallery(j) from (
  select * from darkroom.job where state = 'done' and not is_removed order by ended_at, number
) j;
`;
