import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inpaintingKin } from '../../src/models/families/kin.ts';

test('the inpainting models of a model are those of its family that can be used', () => {
  const one = { kind: 'checkpoint', family: 'Stable Diffusion 1' };
  const inpainting = { ...one, variant: 'inpainting' };
  const entries = [
    { ...one, name: 'plain' },
    { ...inpainting, name: 'inpaint' },
    { ...inpainting, name: 'other', family: 'Stable Diffusion XL' },
    { ...inpainting, name: 'of the second', family: 'Stable Diffusion 2' },
    { ...inpainting, name: 'broken', refusal: 'It is damaged.' },
    { ...inpainting, name: 'lora', kind: 'lora' },
  ];
  assert.deepEqual(inpaintingKin('plain', entries), ['inpaint']);
  assert.deepEqual(inpaintingKin('inpaint', entries), []);
  assert.deepEqual(inpaintingKin('nobody', entries), []);
});
