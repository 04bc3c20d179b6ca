import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Catalogue } from '../../src/models/catalogue.ts';
import { FIXTURES, temporaryFolder } from './forge.ts';

test('models are found by name in the given folders', async (t) => {
  const catalogue = new Catalogue([await temporaryFolder(t), '/nowhere', FIXTURES]);
  const names = (await catalogue.list()).map(({ name }) => name);
  assert.ok(names.includes('tiny-sd15') && names.includes('tiny-sd21'));
  assert.equal((await catalogue.open('tiny-sd21')).name, 'tiny-sd21');
});

test('a folder that is a model itself is one', async () => {
  const catalogue = new Catalogue([join(FIXTURES, 'tiny-sd15')]);
  assert.deepEqual(
    (await catalogue.list()).map(({ name }) => name),
    ['tiny-sd15'],
  );
});

test('an unknown name offers the nearest; a path is for the shell alone', async () => {
  const catalogue = new Catalogue([FIXTURES]);
  await assert.rejects(catalogue.open('tiny-sd155'), {
    code: 'not_found',
    message: /no model tiny-sd155\. Did you mean tiny-sd15/,
  });
  const path = join(FIXTURES, 'tiny-sd15');
  await assert.rejects(catalogue.open(path), { code: 'not_found' });
  assert.equal((await catalogue.openNameOrFolder(path)).name, 'tiny-sd15');
  await assert.rejects(new Catalogue([]).open('any'), {
    code: 'not_found',
    message: /No models are installed/,
  });
});
