/** What commands know of a platform is its line in adapters/platforms.ts. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PLATFORM_NAMES, readMention, traitsOf } from '../../adapters/platforms.ts';

test('no command names a platform', () => {
  const folder = new URL('../../commands/', import.meta.url);
  const names = new RegExp(`\\b(${PLATFORM_NAMES.join('|')})\\b`, 'i');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  assert.ok(files.length > 20);
  for (const file of files) {
    const lines = readFileSync(new URL(file, folder), 'utf8').split('\n');
    assert.deepEqual(
      lines.filter((line) => names.test(line)),
      [],
      file,
    );
  }
});

test('each platform’s mentions are read as its own, and as nobody else’s', () => {
  assert.deepEqual(readMention('discord', '<@!42>'), { kind: 'user', id: '42' });
  assert.deepEqual(readMention('discord', '<@&42>'), { kind: 'role', id: '42' });
  assert.deepEqual(readMention('discord', '<#42>'), { kind: 'channel', id: '42' });
  assert.deepEqual(readMention('slack', '<@U1>'), { kind: 'user', id: 'U1' });
  assert.deepEqual(readMention('slack', '<#C1|general>'), { kind: 'channel', id: 'C1' });
  assert.deepEqual(readMention('slack', '<!subteam^S1|@artists>'), { kind: 'role', id: 'S1' });
  assert.equal(readMention('slack', '<@&42>'), undefined);
  assert.equal(readMention('web', '<@42>'), undefined);
  assert.equal(readMention('discord', '<__proto__42>'), undefined);
  for (const name of PLATFORM_NAMES) assert.ok(traitsOf(name).admins);
});
