/** No file imports itself by way of others, not even for types: the code can be read from the bottom up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMPORTS, SOURCES } from './imports.ts';

/** For each file, every file that its imports lead to. */
const REACHED: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  [...SOURCES.keys()].map((start) => {
    const reached = new Set<string>();
    const waiting = [start];
    for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
      for (const { file } of IMPORTS.filter((found) => found.from === from)) {
        if (file === undefined || reached.has(file)) continue;
        reached.add(file);
        waiting.push(file);
      }
    }
    return [start, reached];
  }),
);

test('no import cycles', () => {
  const circles = [...SOURCES.keys()]
    .filter((file) => REACHED.get(file)?.has(file))
    .map((file) => [...REACHED.get(file)!].filter((other) => REACHED.get(other)?.has(file)).sort());
  assert.deepEqual([...new Set(circles.map((files) => files.join(', ')))], []);
});
