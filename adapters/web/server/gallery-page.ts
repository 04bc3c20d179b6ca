/**
 * /gallery: the pictures that its reader may see, by words, person, model and stars; a selection of them as zip. It works
 * without scripts: a form, links and checkboxes.
 */
import { makeZip } from 'client-zip';
import type { Hono } from 'hono';
import { html } from 'hono/html';
import { DarkroomError } from '../../../src/errors.ts';
import { inWordsOf, requestToJson, seedOfPicture, shortName } from '../../../src/request.ts';
import { type Say, sayIn, sentence } from '../../../src/sentences.ts';
import {
  type GalleryFilter,
  type GalleryPicture,
  type GalleryStore,
  MOST_SKIPPED,
} from '../../../src/store/gallery.ts';
import { readBody } from './body.ts';
import type { Call, Env } from './call.ts';
import type { CallOptions } from './calls.ts';
import { localeOfCall } from './language.ts';
import { drawFrame } from './page-frame.ts';

interface GalleryOptions {
  readonly gallery: GalleryStore;
  readonly pictures: CallOptions['pictures'];
  readonly people: { named(name: string): Promise<{ readonly id: string } | undefined> };
  readonly base: string;
  /** Whether a picture's file carries its recipe. */
  readonly hasRecipe: (png: Uint8Array) => boolean;
}

const PAGE = 48;
/** Characters of a field of the search. */
const MOST_TYPED = 200;
/** A selection of thousands is read, so that its sender is told what may be selected. */
const BODY = { bytes: 2 ** 20, idleMs: 5000, totalMs: 10_000 };
const ZIP = { pictures: 200, megabytes: 1000 };
const PICTURE = /^[0-9a-f]{32}$/;

interface Asked {
  readonly words: string;
  readonly by: string;
  readonly model: string;
  readonly starred: boolean;
  readonly skip: number;
}

export function addGalleryPage(app: Hono<Env>, options: GalleryOptions): void {
  const { gallery, people, base } = options;
  const viewerOf = (c: Call) => ({ user: c.get('sender').user.id, tenant: 'web', channel: 'web' });

  app.get('/gallery', async (c) => {
    const asked = readAsked(c);
    const { words, by, model, starred, skip } = asked;
    const filter: GalleryFilter = {
      ...(words !== '' && { words }),
      ...(by !== '' && { by: (await people.named(by))?.id ?? `web:${by}` }),
      ...(model !== '' && { model }),
      ...(starred && { isStarred: true }),
    };
    const found = await gallery.find(viewerOf(c), filter, { skip, most: PAGE + 1 });
    const locale = localeOfCall(c);
    const say = sayIn(locale);
    return c.html(drawFrame(say('gallery.title'), { base, locale }, drawGallery(found, asked, base, say)));
  });

  app.post('/gallery/zip', async (c) => {
    const body = (await readBody(c.env.incoming, BODY)).toString('utf8');
    const ids = [...new Set(new URLSearchParams(body).getAll('picture'))].filter((id) => PICTURE.test(id));
    if (ids.length === 0) throw new DarkroomError('bad_request', sentence('gallery.zip_none'));
    if (ids.length > ZIP.pictures) {
      throw new DarkroomError(
        'too_many',
        sentence('gallery.zip_many', { count: ids.length, limit: ZIP.pictures }),
      );
    }
    // Only what its sender may see is among those that are found.
    const found = await gallery.find(viewerOf(c), { ids }, { skip: 0, most: ids.length });
    if (found.length === 0) throw new DarkroomError('not_found', sentence('web.picture_gone'));
    // A PNG of ours is smaller than its pixels.
    const megabytes = Math.ceil(found.reduce((sum, { width, height }) => sum + 3 * width * height, 0) / 1e6);
    if (megabytes > ZIP.megabytes) {
      throw new DarkroomError(
        'too_large',
        sentence('gallery.zip_bytes', { size: megabytes, limit: ZIP.megabytes }),
      );
    }
    const stream = makeZip(filesOf(found, options));
    return c.body(stream, 200, {
      'content-type': 'application/zip',
      'content-disposition': 'attachment; filename="darkroom-pictures.zip"',
    });
  });
}

function readAsked(c: Call): Asked {
  const typed = (name: string) => (c.req.query(name) ?? '').trim().slice(0, MOST_TYPED);
  const skip = Number(c.req.query('skip') ?? 0);
  return {
    ...{ words: typed('words'), by: typed('by'), model: typed('model'), starred: typed('starred') === 'on' },
    skip: Number.isInteger(skip) && skip > 0 ? Math.min(skip, MOST_SKIPPED) : 0,
  };
}

/** One picture at a time is in memory; a PNG is compressed as it is, so that it is stored. */
async function* filesOf(found: readonly GalleryPicture[], { pictures, hasRecipe }: GalleryOptions) {
  const recipes: string[] = [];
  for (const [i, picture] of found.entries()) {
    const bytes = await pictures.get(picture.id);
    if (bytes === undefined) continue;
    const request = inWordsOf(picture.request, picture.place);
    const seed = seedOfPicture(picture.request, picture.place);
    // Where an admin keeps prompts out of files, neither the name nor the recipes beside it have them.
    const isOpen = hasRecipe(bytes);
    const about = isOpen ? plainName(request.prompt) : 'picture';
    // A folder of its own: programs that show thumbnails show none of it.
    const folder = picture.isHidden ? 'hidden/' : '';
    const name = `${folder}${String(i + 1).padStart(3, '0')}-${about}-${seed}.png`;
    const recipe = isOpen && { request: { ...requestToJson(request), seed, num_images: 1 } };
    recipes.push(JSON.stringify({ file: name, ...recipe }));
    yield { name, input: new Uint8Array(bytes), lastModified: new Date(picture.at) };
  }
  yield { name: 'recipes.jsonl', input: `${recipes.join('\n')}\n`, lastModified: new Date() };
}

/** Of letters that every system takes: no path, no device and no ending of a program comes of a prompt. */
const plainName = (prompt: string) =>
  prompt
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, '') || 'picture';

type Markup = ReturnType<typeof html>;

function drawGallery(found: readonly GalleryPicture[], asked: Asked, base: string, say: Say): Markup {
  const shown = found.slice(0, PAGE);
  const { skip } = asked;
  const isAll = asked.words === '' && asked.by === '' && asked.model === '' && !asked.starred && skip === 0;
  const page = (at: number) =>
    `${base}/gallery?${new URLSearchParams({ ...given(asked), skip: String(at) })}`;
  return html`<form class="gallery-search" method="get" action="${base}/gallery" role="search">
<label>${say('gallery.words')}<input type="search" name="words" value="${asked.words}" maxlength="${MOST_TYPED}"></label>
<label>${say('gallery.by')}<input name="by" value="${asked.by}" maxlength="${MOST_TYPED}"></label>
<label>${say('gallery.model')}<input name="model" value="${asked.model}" maxlength="${MOST_TYPED}"></label>
<label class="gallery-check"><input type="checkbox" name="starred" value="on"${asked.starred ? html` checked` : ''}> ${say('gallery.starred')}</label>
<button type="submit">${say('gallery.search')}</button>
</form>
${
  shown.length === 0
    ? html`<p class="status">${say(isAll ? 'gallery.empty' : 'gallery.none')}</p>`
    : html`<form class="status" method="post" action="${base}/gallery/zip">
<ul class="gallery-grid">${shown.map((one) => drawPicture(one, base, say))}</ul>
<button type="submit">${say('gallery.zip')}</button>
</form>`
}
<nav class="usage-days">${skip > 0 ? html`<a rel="prev" href="${page(Math.max(0, skip - PAGE))}">${say('gallery.newer')}</a>` : ''}
${found.length > PAGE && skip + PAGE <= MOST_SKIPPED ? html`<a rel="next" href="${page(skip + PAGE)}">${say('gallery.next')}</a>` : ''}
<a href="${base}/">${say('usage.back')}</a></nav>`;
}

const given = ({ words, by, model, starred }: Asked): Record<string, string> => ({
  ...(words !== '' && { words }),
  ...(by !== '' && { by }),
  ...(model !== '' && { model }),
  ...(starred && { starred: 'on' }),
});

function drawPicture(one: GalleryPicture, base: string, say: Say): Markup {
  const { id, message, place, width, height, request, user, stars, isHidden } = one;
  const { prompt } = inWordsOf(request, place);
  const link =
    message === undefined
      ? `${base}/api/pictures/${id}.png`
      : `${base}/#message-${message}${place === 0 ? '' : `-${place + 1}`}`;
  const facts = [
    user.name,
    shortName(request.model),
    ...(stars === 0 ? [] : [say('find.stars', { count: stars })]),
  ];
  const picture = html`<a href="${link}"><img src="${base}/api/pictures/${id}.png" alt="${prompt}" width="${width}" height="${height}" loading="lazy" decoding="async"></a>`;
  // A browser fetches no lazy picture of a part that is closed.
  const shown = isHidden
    ? html`<details class="gallery-hidden"><summary>${say('gallery.hidden')}</summary>${picture}</details>`
    : picture;
  return html`<li>${shown}
<label><input type="checkbox" name="picture" value="${id}" aria-label="${say('gallery.select', { prompt })}"> <span>${facts.join(' \u00b7 ')}</span></label></li>`;
}
