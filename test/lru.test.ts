/** The cache: what is dropped first, and what never is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lru } from '../src/lru.ts';

test('the least recently used entry is dropped first, by size', () => {
  const cache = new Lru<string>({ limit: 30 });
  const made: string[] = [];
  const take = (key: string, size = 10) => {
    if (cache.get(key) !== undefined) return;
    made.push(key);
    cache.set(key, key, size);
  };
  for (const key of ['a', 'b', 'c', 'a', 'd', 'a', 'c', 'b']) take(key);
  assert.deepEqual(made, ['a', 'b', 'c', 'd', 'b']);
  take('larger than all', 100);
  take('a');
  assert.deepEqual(made.slice(5), ['larger than all', 'a']);
});

test('an entry in use stays until it is idle', () => {
  const dropped: string[] = [];
  const inUse = new Set(['a']);
  const cache = new Lru<string>({
    limit: 1,
    isIdle: (value) => !inUse.has(value),
    onDrop: (value) => dropped.push(value),
  });
  cache.set('a', 'a');
  cache.set('b', 'b');
  assert.deepEqual([dropped, cache.get('a'), cache.get('b')], [['b'], 'a', undefined]);
  inUse.clear();
  cache.set('c', 'c');
  assert.deepEqual(dropped, ['b', 'a']);
  assert.deepEqual(cache.clear(), ['c']);
  assert.deepEqual(dropped, ['b', 'a']);
});
