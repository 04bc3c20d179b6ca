import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blendTiles, cutTile } from '../../src/image/tiles.ts';
import { layTiles } from '../../src/request.ts';

const side = fc.integer({ min: 1, max: 40 });

test('tiles that are cut out of a picture make the same picture again, whatever their sizes', () => {
  fc.assert(
    fc.property(side, side, side, side, (width, height, across, down) => {
      const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37) % 256);
      const picture = { data, width, height, channels: 3 };
      const size = { width: across, height: down };
      const tiles = layTiles(picture, size).map((place) => ({
        picture: cutTile(picture, place, size),
        ...place,
      }));
      assert.deepEqual(blendTiles(tiles, picture).data, data);
    }),
  );
});
