/** Users of the web chat who have a name or a role. */
export const people = /* sql */ `
create table darkroom.person (
  id text primary key,                               -- as in a message: web:...
  role text not null check (role in ('operator', 'admin', 'member')),
  name_key text                                      -- of the name that is shown; null for none
);
-- The first browser on the machine itself is the operator, and no second one.
create unique index person_operator on darkroom.person (role) where role = 'operator';

-- Every name that was ever taken. It stays its person's also where that one has another name now.
create table darkroom.person_name (
  key text primary key,                              -- names that people may confuse have one key
  name text not null,
  person text not null references darkroom.person,
  is_given boolean not null default false            -- by an operator or admin, not chosen by the person
);
create index person_names on darkroom.person_name (person);

-- Links that open the chat once, under a name.
create table darkroom.invitation (
  hash bytea primary key,                            -- SHA-256 of the link's code
  key text not null,
  name text not null,
  role text not null check (role in ('admin', 'member')),
  expires_at timestamptz not null
);
`;
