/**
 * Finished pictures as they are searched, and who has starred them. Whoever asks sees their own pictures and the public
 * ones of the channel where they ask: of no other channel, since only the platform knows who can read that one.
 */
import type { Finding, Moderation } from '../job.ts';
import { isHiddenUntilOpened } from '../moderation/hidden.ts';
import type { GenerationRequest } from '../request.ts';
import type { Sql } from './sql.ts';
import { queryOf, wordsIn } from './words.ts';

/** Who asks, and where. */
interface Viewer {
  readonly user: string;
  /** Undefined in a direct message of no tenant: only the user's own are there. */
  readonly tenant: string | undefined;
  /** As in an Invocation. */
  readonly channel: string;
}

export interface GalleryFilter {
  /** All of them must be in the prompt, each at the beginning of a word. */
  readonly words?: string;
  readonly model?: string;
  /** Id of who asked for the picture. */
  readonly by?: string;
  /** Only those that the viewer has starred. */
  readonly isStarred?: boolean;
  /** Only these pictures. */
  readonly ids?: readonly string[];
}

export interface GalleryPicture {
  readonly id: string;
  readonly job: string;
  /** Among the job's pictures, from 0. */
  readonly place: number;
  /** Milliseconds since 1970 when it was finished. */
  readonly at: number;
  readonly width: number;
  readonly height: number;
  readonly user: { readonly id: string; readonly name: string };
  readonly request: GenerationRequest;
  /** Whether it is shown only to those who open it. */
  readonly isHidden: boolean;
  /** By how many people. */
  readonly stars: number;
  /** By the viewer. */
  readonly isStarred: boolean;
  /** Its message in the web chat. */
  readonly message?: string;
}

export interface GalleryStore {
  /** Newest first. @param range which of those that are found, at most MOST_SKIPPED from the newest */
  find(
    viewer: Viewer,
    filter: GalleryFilter,
    range: { readonly skip: number; readonly most: number },
  ): Promise<GalleryPicture[]>;
  /** Stars a picture, or takes the star back. @returns whether it is starred now, and by how many people */
  toggleStar(picture: string, user: string): Promise<{ isStarred: boolean; stars: number }>;
  /** Stars a picture, or takes the star back, whatever it was before. */
  setStar(picture: string, user: string, isStarred: boolean): Promise<void>;
  /** Writes the words of new pictures. @param most pictures at most @returns how many */
  index(most: number): Promise<number>;
}

/** Further back nobody pages; a search goes on with more words. */
export const MOST_SKIPPED = 5000;
/** New pictures whose words a search writes first; the upkeep writes those of an upgrade. */
const BEFORE_SEARCH = 500;

/** Pictures whose deletion can still be undone, at most at one time: they are passed over after the search. */
const UNDOABLE = 50;
/** Pictures among which a common word is looked for first. */
const RECENT = 6000;

interface Found {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly job: string;
  readonly place: number;
  readonly at: number;
  readonly picture: { readonly width: number; readonly height: number; readonly finding?: Finding };
  readonly moderation: Moderation | null;
  readonly user_id: string;
  readonly user_name: string;
  readonly request: GenerationRequest;
  readonly stars: number;
  readonly is_starred: boolean;
  readonly message: string | null;
}

export function createGallery(sql: Sql): GalleryStore {
  const store: GalleryStore = {
    async find({ user, tenant, channel }, filter, { skip, most }) {
      await store.index(BEFORE_SEARCH);
      const { words, model, by, isStarred = false, ids } = filter;
      const query = words === undefined ? undefined : queryOf(words);
      // Signs without a letter are in no prompt.
      if (words !== undefined && words.trim() !== '' && query === undefined) return [];
      const values: unknown[] = [user, skip + most];
      const value = (one: unknown) => `$${values.push(one)}`;
      const rules = [
        ...(query === undefined ? [] : [`g.words @@ ${value(query)}::tsquery`]),
        ...(model === undefined ? [] : [`g.model = ${value(model)}`]),
        ...(by === undefined ? [] : [`g.user_id = ${value(by)}`]),
        ...(ids === undefined ? [] : [`g.id = any(${value([...ids])})`]),
        ...(isStarred
          ? ['exists (select from darkroom.star s where s.picture = g.id and s.user_id = $1)']
          : []),
      ].map((rule) => ` and ${rule}`);
      // Each half by an index of its own, newest first.
      const halves = [
        { whose: 'g.user_id = $1', among: 'user_id = $1' },
        ...(tenant === undefined ? [] : [publicHalf(value(tenant), value(channel))]),
      ];
      const offset = value(skip);
      const search = (isRecent: boolean) => {
        const all = halves.map(({ whose, among }) => {
          const recent = isRecent
            ? `and g.number > coalesce((select number from darkroom.gallery where ${among} order by number desc
                 offset ${RECENT} limit 1), 0)`
            : '';
          return `(select * from darkroom.gallery g where ${whose} ${recent} ${rules.join('')}
            order by g.number desc limit $2::int + ${UNDOABLE})`;
        });
        return sql.query<Found>(
          `select g.id, g.job, g.place, extract(epoch from g.at)::float8 as at, j.pictures->g.place as picture, g.user_id,
             j.user_name, j.request, j.frame->>'moderation' as moderation, (select count(*)::int from darkroom.star s where s.picture = g.id) as stars,
             exists (select from darkroom.star s where s.picture = g.id and s.user_id = $1) as is_starred,
             (select m.id from darkroom.message m where m.job = g.job order by m.id limit 1) as message
           from (${all.join(' union all ')}) g join darkroom.job j on j.id = g.job
           where not j.is_removed and not coalesce((j.frame->>'isDeleted')::boolean, false)
           order by g.number desc limit $2::int - ${offset}::int offset ${offset}::int`,
          values,
        );
      };
      // A word that many prompts have is soon found among the newest pictures; the index of words would name them all.
      const newest = query === undefined ? [] : await search(true);
      const rows = newest.length === most ? newest : await search(false);
      return rows.slice(0, most).map(pictureOf);
    },
    async toggleStar(picture, user) {
      const taken = await sql.query(
        'delete from darkroom.star where picture = $1 and user_id = $2 returning picture',
        [picture, user],
      );
      if (taken.length === 0) await store.setStar(picture, user, true);
      const [row] = await sql.query<{ stars: number }>(
        'select count(*)::int as stars from darkroom.star where picture = $1',
        [picture],
      );
      return { isStarred: taken.length === 0, stars: row!.stars };
    },
    async setStar(picture, user, isStarred) {
      await sql.query(
        isStarred
          ? `insert into darkroom.star (picture, user_id) select id, $2 from darkroom.gallery where id = $1
             on conflict do nothing`
          : 'delete from darkroom.star where picture = $1 and user_id = $2',
        [picture, user],
      );
    },
    async index(most) {
      const rows = await sql.query<{ id: string; prompt: string | null }>(
        `select g.id, coalesce(j.request->'pictureWords'->g.place->>'prompt', j.request->>'prompt') as prompt
         from darkroom.gallery g left join darkroom.job j on j.id = g.job
         where g.words is null order by g.number limit $1`,
        [most],
      );
      if (rows.length === 0) return 0;
      await sql.query(
        `update darkroom.gallery g set words = array_to_tsvector(string_to_array(listed.words, ' '))
         from unnest($1::text[], $2::text[]) listed (id, words) where g.id = listed.id`,
        [rows.map(({ id }) => id), rows.map(({ prompt }) => wordsIn(prompt ?? '').join(' '))],
      );
      return rows.length;
    },
  };
  return store;
}

/** The public pictures of a channel, those of the viewer aside. */
const publicHalf = (tenant: string, channel: string) => ({
  whose: `g.tenant = ${tenant} and g.channel = ${channel} and not g.is_private and g.user_id <> $1`,
  among: `tenant = ${tenant}`,
});

const pictureOf = ({
  at,
  picture,
  user_id,
  user_name,
  is_starred,
  message,
  moderation,
  ...row
}: Found): GalleryPicture => ({
  ...{ id: row.id, job: row.job, place: row.place, at: at * 1000 },
  ...{ width: picture.width, height: picture.height },
  user: { id: user_id, name: user_name },
  isHidden: isHiddenUntilOpened(moderation ?? undefined, picture.finding),
  ...{ request: row.request, stars: row.stars, isStarred: is_starred },
  ...(message !== null && { message }),
});
