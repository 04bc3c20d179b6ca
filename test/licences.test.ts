/** What licences allow: by ids and by names, and nothing that is only guessed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { civitaiAllows, commercialUse } from '../src/licences.ts';

test('a licence is known by its id and by its name; another one is unknown', () => {
  const known = {
    yes: [
      'openrail',
      'openrail++',
      'creativeml-openrail-m',
      'CreativeML Open RAIL++-M License',
      'Apache-2.0',
    ],
    no: [
      'cc-by-nc-4.0',
      'CC BY-NC-SA 4.0',
      'FLUX.1 [dev] Non-Commercial License',
      'flux-1-dev-non-commercial-license',
    ],
    conditional: [
      'stabilityai-ai-community',
      'Stability AI Community License',
      'Fair AI Public License 1.0-SD',
    ],
    unknown: ['other', 'my own words', '', '__proto__', 'constructor', 'cincinnati', 'x'.repeat(5000)],
  };
  known.yes.push('The Apache License, Version 2.0', 'MIT License', 'mit', 'CC0-1.0', 'cc-by-4.0', 'GPL v3');
  known.no.push('sai-nc-community', 'research only');
  for (const [allows, ids] of Object.entries(known))
    for (const licence of ids) assert.equal(commercialUse({ licence }).allows, allows, licence);
  assert.equal(commercialUse({}).allows, 'unknown');
  // What stands beside its name goes before it.
  assert.equal(commercialUse({ licence: 'cc-by-nc-4.0', commercial: true }).allows, 'yes');
  assert.equal(commercialUse({ licence: 'mit', commercial: false }).allows, 'no');
});

test('Civitai\u2019s permissions say whether pictures may be sold', () => {
  const cases: readonly (readonly [unknown, boolean | undefined])[] = [
    [['Image', 'RentCivit'], true],
    [['RentCivit', 'Rent'], false],
    [[], false],
    ['None', false],
    ['Rent', true],
    ['{Image,Sell}', true],
    ['{}', false],
    [7, undefined],
  ];
  for (const [uses, allows] of cases) assert.equal(civitaiAllows(uses), allows, JSON.stringify(uses));
});
