/** Public files without their prompts: what goes, what stays, and whose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contactSheet } from '../../src/image/contact-sheet.ts';
import { readPngText, withoutPngTexts, writePngText } from '../../src/image/png-text.ts';
import { provenanceXmp, XMP } from '../../src/image/provenance.ts';
import { shownPictures } from '../../src/shown-pictures.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import { pngOf } from '../adapters/stand-in.ts';

const png = writePngText(pngOf(8, 8), {
  parameters: 'a secret mug',
  darkroom: '{"request":{"prompt":"비밀 머그"}}',
  [XMP]: provenanceXmp(false),
});

test('prompts go from a file in every kind of text, and its origin stays', async () => {
  const plain = withoutPngTexts(png);
  assert.deepEqual([...readPngText(plain)], [[XMP, provenanceXmp(false)]]);
  assert.equal(Buffer.from(plain).includes('secret'), false);
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff);
  assert.equal(withoutPngTexts(jpeg), jpeg);
  const sheet = await contactSheet([png, undefined, png]);
  assert.deepEqual([...readPngText(sheet).keys()], [XMP]);
});

test('the setting of a server holds for its public pictures, and for no others', async () => {
  const job = { user: { id: 'u' }, channel: 'c', share: { tenant: 'shy' }, frame: {} } as JobRecord;
  const jobs: Readonly<Record<string, JobRecord>> = {
    shy: job,
    hidden: { ...job, frame: { isPrivate: true } },
    open: { ...job, share: { tenant: 'open', weight: 1 } },
  };
  const shown = shownPictures({
    pictures: { get: async () => png },
    jobs: { ofPicture: async (id) => jobs[id] },
    settings: {
      rules: async (tenant: string) => [
        { key: 'prompt_in_files', scope: 'server', target: '', value: tenant !== 'shy', at: 1, by: 'ada' },
      ],
    } as never,
  });
  const keysOf = async (id: string) => [...readPngText((await shown.get(id))!).keys()];
  assert.deepEqual(await keysOf('shy'), [XMP]);
  for (const id of ['hidden', 'open', 'upload']) assert.equal((await keysOf(id)).length, 3, id);
});
