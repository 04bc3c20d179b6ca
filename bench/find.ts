/** Search over 100,000 pictures of a chat, on the embedded database: words that few, some and most prompts have. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageRecord } from '../adapters/web/conversation/message.ts';
import { openStore } from '../src/store/store.ts';
import { wordsIn } from '../src/store/words.ts';
import type { Figure } from './figure.ts';

const PICTURES = 100_000;
const SEARCHES = 400;
const COLOURS = [
  'red',
  'blue',
  'green',
  'yellow',
  'black',
  'white',
  'golden',
  'silver',
  '\ube68\uac04',
  '\ud30c\ub780',
];
const THINGS = [
  'mug',
  'boat',
  'castle',
  'dragon',
  'robot',
  'forest',
  'city',
  'portrait',
  '\uba38\uadf8\ucef5',
  '\uace0\uc591\uc774',
];

export async function find(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const store = await openStore<MessageRecord>({ folder });
  try {
    const promptOf = (i: number) =>
      `a ${COLOURS[i % 10]!} ${THINGS[Math.floor(i / 10) % 10]!} number${i % 5000} on a table, highly detailed`;
    for (let from = 0; from < PICTURES; from += 5000) {
      const ids = Array.from({ length: 5000 }, (_, i) => from + i);
      await store.database.query(
        `insert into darkroom.job (id, tenant, user_id, user_name, platform, channel, request, inputs, model, frame, state,
           notes, pictures, cost)
         select 'j' || i, 'web', 'web:' || i % 500, 'Ada', 'web', 'web', jsonb_build_object('model', 'mini', 'prompt', prompt),
           '{}', 'mini', '{}', 'done', '[]', jsonb_build_array(jsonb_build_object('id', 'p' || i, 'width', 512, 'height', 512)), 1
         from unnest($1::int[], $2::text[]) listed (i, prompt)`,
        [ids, ids.map(promptOf)],
      );
      await store.database.query(
        `insert into darkroom.gallery (id, job, place, at, tenant, channel, user_id, model, is_private, words)
         select 'p' || i, 'j' || i, 0, now(), 'web', 'web', 'web:' || i % 500, 'mini', false,
           array_to_tsvector(string_to_array(words, ' '))
         from unnest($1::int[], $2::text[]) listed (i, words)`,
        [ids, ids.map((i) => wordsIn(promptOf(i)).join(' '))],
      );
    }
    await store.database.script('analyze');
    const viewer = { user: 'web:7', tenant: 'web', channel: 'web' };
    const asked = (i: number) =>
      [
        `number${(i * 37) % 5000}`,
        `${COLOURS[i % 10]!} ${THINGS[(i * 3) % 10]!}`,
        'detailed',
        'nothing like it',
        '',
      ][i % 5]!;
    const times: number[] = [];
    for (let i = 0; i < SEARCHES; i++) {
      const words = asked(i);
      const began = performance.now();
      await store.gallery.find(viewer, words === '' ? {} : { words }, { skip: 0, most: 48 });
      times.push(performance.now() - began);
    }
    const sorted = times.toSorted((a, b) => a - b);
    return [
      { name: `find in ${PICTURES} pictures, median`, value: sorted[SEARCHES / 2]!, unit: 'ms' },
      {
        name: `find in ${PICTURES} pictures, p95`,
        value: sorted[Math.ceil(SEARCHES * 0.95) - 1]!,
        unit: 'ms',
        target: 100,
      },
    ];
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}
