/** Guidance, and latents made visible without a VAE. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { guide } from '../../src/diffusion/guidance.ts';
import { latentsToRgb } from '../../src/diffusion/preview.ts';

describe('guidance', () => {
  const [unconditional, conditional] = [Float32Array.of(0, 1, 2, 3), Float32Array.of(1, 1, 0, 5)];

  test('goes on from the negative prompt through the prompt', () => {
    assert.deepEqual(guide(unconditional, conditional, 2, 0), Float32Array.of(2, 1, -2, 7));
  });

  test('rescaled in full, it has the spread of the conditional prediction', () => {
    const rescaled = guide(unconditional, conditional, 7.5, 1);
    const std = (v: Float32Array) => {
      const mean = v.reduce((a, b) => a + b) / v.length;
      return Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / (v.length - 1));
    };
    assert.ok(Math.abs(std(rescaled) - std(conditional)) < 1e-5);
  });
});

test('a preview stays within its colours', () => {
  const rgb = latentsToRgb(Float32Array.of(0, 9, -9, 1, 1, 1), {
    factors: [
      [1, 0.5, 0],
      [0, 0, 0.5],
    ],
    bias: [0, 0, -0.5],
  });
  assert.deepEqual([...rgb], [128, 128, 128, 255, 255, 128, 0, 0, 128]);
});
