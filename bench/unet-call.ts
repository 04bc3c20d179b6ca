/** The embedded model's UNet, open, and what it is fed for so many pictures: zeros, since time does not hang on values. */
import { openSession } from '../src/engine/session.ts';
import { engineOptions } from '../src/engine-options.ts';
import { unetGraph } from '../src/graph/unet.ts';
import { clipTokenizerOf, type ModelSpec } from '../src/models/spec.ts';
import { benchSettings } from './settings.ts';

/** @returns `call` runs the UNet for some pictures, each with a row for its prompt and one for none */
export async function openUnetCall(spec: ModelSpec, threads: number) {
  const { component } = spec.denoiser;
  const { width, height } = spec.defaults;
  const sides = [height / spec.vaeScaleFactor, width / spec.vaeScaleFactor];
  const length = clipTokenizerOf(spec).modelMaxLength;
  const states = component.config['cross_attention_dim'] as number;
  const tensor = (dims: readonly number[]) => ({
    data: new Float32Array(dims.reduce((a, b) => a * b)),
    dims,
  });
  const [{ device }] = await engineOptions(benchSettings(), { device: 'cpu', threads });
  const session = await openSession(unetGraph(component), device);
  return {
    async call(pictures: number): Promise<void> {
      const feeds = {
        sample: tensor([2 * pictures, spec.latentChannels, ...sides]),
        timestep: { data: Float32Array.of(500), dims: [1] },
        encoder_hidden_states: tensor([2 * pictures, length, states]),
      };
      await session.run(feeds, ['out_sample']);
    },
    close: () => session.close(),
  };
}
