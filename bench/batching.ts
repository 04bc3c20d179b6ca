/** What it saves to run the next calls of several users as one batch: a UNet call of n pictures against n calls. */
import { openSession } from '../src/engine/session.ts';
import { unetGraph } from '../src/graph/unet.ts';
import { modelFolders } from '../src/installed-models.ts';
import { openModelFolder } from '../src/models/folder.ts';
import { clipTokenizerOf } from '../src/models/spec.ts';
import { type Figure, median } from './figure.ts';

const THREADS = 2;
const ROUNDS = 9;
const USERS = [2, 3, 4];
const [MODEL] = modelFolders([]) as [string];

export async function batching(): Promise<Figure[]> {
  const spec = await openModelFolder(MODEL);
  const session = await openSession(unetGraph(spec.denoiser.component), { threads: THREADS });
  const { width, height } = spec.defaults;
  const length = clipTokenizerOf(spec).modelMaxLength;
  const states = spec.denoiser.component.config['cross_attention_dim'] as number;
  const tensor = (dims: readonly number[]) => ({
    data: new Float32Array(dims.reduce((a, b) => a * b)),
    dims,
  });
  /** Each picture has a row with its prompt and one without. */
  const feedsOf = (pictures: number) => ({
    sample: tensor([
      2 * pictures,
      spec.latentChannels,
      height / spec.vaeScaleFactor,
      width / spec.vaeScaleFactor,
    ]),
    timestep: { data: Float32Array.of(500), dims: [1] },
    encoder_hidden_states: tensor([2 * pictures, length, states]),
  });
  const timed = async (feeds: ReturnType<typeof feedsOf>, times: number) => {
    const started = performance.now();
    for (let i = 0; i < times; i++) await session.run(feeds, ['out_sample']);
    return performance.now() - started;
  };
  const one = feedsOf(1);
  const figures: Figure[] = [];
  for (const users of USERS) {
    const together = feedsOf(users);
    const ratios: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      // In pairs, so that a machine that slows down slows both; the first warms up.
      const ratio = (await timed(together, 1)) / (await timed(one, users));
      if (round >= 0) ratios.push(ratio);
    }
    figures.push({
      name: `${users} users' calls as one batch, against in turn`,
      value: median(ratios),
      unit: 'x',
    });
  }
  await session.close();
  return figures;
}
