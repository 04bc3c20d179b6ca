/** /find: pictures by the words of their prompts, by person and model, and by one's own stars. */
import { DarkroomError } from '../src/errors.ts';
import { inWordsOf, seedOfPicture, shortName } from '../src/request.ts';
import { type Say, sentence } from '../src/sentences.ts';
import type { GalleryFilter, GalleryPicture } from '../src/store/gallery.ts';
import { type Context, defineCommand } from './command.ts';
import type { Ports } from './ports.ts';
import { findTarget } from './targets.ts';

type FindPorts = Pick<Ports, 'gallery' | 'find'>;

/** Pictures of one answer: as many as there are buttons in a row. */
const PAGE = 5;
const MOST_PAGES = 200;

export const find = defineCommand({
  name: 'find',
  description: 'describe.find',
  options: {
    words: { type: 'text', description: 'describe.find.words', example: 'red mug' },
    by: { type: 'mention', of: 'user', flag: '--by', description: 'describe.find.by', example: '@ada' },
    model: {
      type: 'text',
      single: true,
      flag: '--model',
      description: 'describe.find.model',
      example: 'mini',
    },
    starred: {
      type: 'choice',
      choices: ['on', 'off'],
      implied: 'on',
      flag: '--starred',
      description: 'describe.find.starred',
      example: 'on',
    },
    page: {
      type: 'integer',
      min: 1,
      max: MOST_PAGES,
      flag: '--page',
      description: 'describe.find.page',
      example: '2',
    },
  },
  examples: ['/find red mug', '/find --starred on'],
  async run({ words, by, model, starred, page = 1 }, context: Context<FindPorts>) {
    const { invocation, ports } = context;
    const filter = {
      ...(words !== undefined && words.trim() !== '' && { words: words.trim() }),
      ...(model !== undefined && { model }),
      ...(by !== undefined && { by: await findTarget('user', by, invocation, ports) }),
      ...(starred === 'on' && { isStarred: true }),
    };
    await showPage(filter, page, context);
  },
});

type Filter = Pick<GalleryFilter, 'words' | 'model' | 'by' | 'isStarred'>;

async function showPage(
  filter: Filter,
  page: number,
  { invocation, reply, say, ports }: Context<Pick<FindPorts, 'gallery'>>,
): Promise<void> {
  const { user, where, channel } = invocation;
  const viewer = { user: user.id, tenant: where.tenant, channel };
  // One more says whether there is another page.
  const range = { skip: (page - 1) * PAGE, most: PAGE + 1 };
  const found = await ports.gallery.find(viewer, filter, range);
  if (found.length === 0) {
    throw new DarkroomError('not_found', sentence(page > 1 ? 'find.no_page' : 'find.none'));
  }
  const shown = found.slice(0, PAGE);
  const hasMore = found.length > PAGE && page < MOST_PAGES;
  const next = hasMore ? nextId(filter, page + 1) : undefined;
  await reply.postEphemeral({
    text: say('find.found', { page }),
    pictures: shown.map((one) => ({
      ...{ id: one.id, width: one.width, height: one.height, alt: promptOf(one) },
      isSpoiler: one.isHidden,
      seed: seedOfPicture(one.request, one.place),
    })),
    fields: shown.map((one, i) => ({ name: `${i + 1}. ${brief(promptOf(one))}`, value: lineOf(one, say) })),
    actions: [
      ...shown.map(({ job, place }, i) => ({
        id: `show:${job}:${place + 1}`,
        label: say('button.picture_number', { number: i + 1 }),
      })),
      ...(next === undefined ? [] : [{ id: next, label: say('button.next_page') }]),
    ],
    notes: [
      ...(hasMore && next === undefined ? [say('find.more', { page: page + 1 })] : []),
      ...(where.tenant !== undefined ? [say('find.where')] : []),
    ],
  });
}

/** Characters of the id of a button, on the platform that takes the fewest. */
const MOST_ID = 100;

/** The button has the search in its id, so that it outlives the process. @returns undefined for a search that is too long */
function nextId({ words, model, by, isStarred }: Filter, page: number): string | undefined {
  const search = new URLSearchParams({
    ...(words !== undefined && { w: words }),
    ...(model !== undefined && { m: model }),
    ...(by !== undefined && { b: by }),
    ...(isStarred && { s: '' }),
  });
  const id = `find:${page}:${search}`;
  return id.length <= MOST_ID ? id : undefined;
}

/** The button Next. @param action as nextId() made it; whoever presses it sees what they may see */
export async function findNext(action: string, context: Context<Pick<FindPorts, 'gallery'>>): Promise<void> {
  const [, digits, search = ''] = /^find:(\d{1,3}):(.*)$/s.exec(action.slice(0, MOST_ID)) ?? [];
  const page = Number(digits);
  if (!(page >= 1 && page <= MOST_PAGES)) throw new DarkroomError('not_found', sentence('find.no_page'));
  const params = new URLSearchParams(search);
  const [words, model, by] = ['w', 'm', 'b'].map((name) => params.get(name) ?? undefined);
  const filter = {
    ...(words !== undefined && { words }),
    ...(model !== undefined && { model }),
    ...(by !== undefined && { by }),
    ...(params.has('s') && { isStarred: true }),
  };
  await showPage(filter, page, context);
}

const promptOf = ({ request, place }: GalleryPicture) => inWordsOf(request, place).prompt;

const lineOf = ({ request, user, stars, isHidden }: GalleryPicture, say: Say) =>
  [
    shortName(request.model),
    say('card.for', { name: user.name }),
    ...(stars === 0 ? [] : [say('find.stars', { count: stars })]),
    ...(isHidden ? [say('find.hidden')] : []),
  ].join(' \u00b7 ');

const brief = (text: string) => (text.length <= 60 ? text : `${text.slice(0, 59).trimEnd()}\u2026`);
