/** What it saves to run the next calls of several users as one batch: a UNet call of n pictures against n calls. */
import { modelFolders } from '../src/installed-models.ts';
import { openModelFolder } from '../src/models/folder.ts';
import { type Figure, median } from './figure.ts';
import { openUnetCall } from './unet-call.ts';

const THREADS = 2;
const ROUNDS = 9;
const USERS = [2, 3, 4];
const [MODEL] = modelFolders([]) as [string];

export async function batching(): Promise<Figure[]> {
  const spec = await openModelFolder(MODEL);
  const unet = await openUnetCall(spec, THREADS);
  const timed = async (pictures: number, times: number) => {
    const started = performance.now();
    for (let i = 0; i < times; i++) await unet.call(pictures);
    return performance.now() - started;
  };
  const figures: Figure[] = [];
  for (const users of USERS) {
    const ratios: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      // In pairs, so that a machine that slows down slows both; the first warms up.
      const ratio = (await timed(users, 1)) / (await timed(1, users));
      if (round >= 0) ratios.push(ratio);
    }
    figures.push({
      name: `${users} users' calls as one batch, against in turn`,
      value: median(ratios),
      unit: 'x',
    });
  }
  await unet.close();
  return figures;
}
