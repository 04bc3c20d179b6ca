/** What a user of the chat waits for, and what it costs the machine: the real server on the embedded model. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Figure, median } from './figure.ts';
import { Server } from './server.ts';

const PROMPT = '/imagine a red mug on a table, watercolor --seed';
const RUNS = 7;
const FLOOD = 20;
const TRIALS = 5;

export async function chat(): Promise<Figure[]> {
  const server = await Server.start();
  try {
    const alone = [];
    const memory: number[] = [];
    const watch = setInterval(() => memory.push(server.memory()), 200);
    for (let i = 0; i < RUNS; i++) alone.push(await server.draw('ada', `${PROMPT} ${i}`));
    clearInterval(watch);
    const picture = median(alone.map((run) => run.picture));

    const ratios: number[] = [];
    for (let i = 0; i < TRIALS; i++) ratios.push(await besideFlood(server, i));
    return [
      { name: 'start until ready', value: server.readySeconds, unit: 's', target: 3 },
      { name: 'message to picture, 20 steps with guidance', value: picture, unit: 's', target: 4 },
      {
        name: 'message to first preview',
        value: median(alone.map((run) => run.preview)),
        unit: 's',
        target: 1.5,
      },
      { name: 'memory of all processes, peak', value: Math.max(...memory), unit: 'MiB', target: 900 },
      {
        name: `beside a flood of ${FLOOD} jobs, against alone, median`,
        value: median(ratios),
        unit: 'x',
        target: 3,
      },
      { name: 'the same, worst trial', value: Math.max(...ratios), unit: 'x', target: 3 },
    ];
  } finally {
    await server.stop();
  }
}

/** One trial: the same picture alone and then beside another user's flood, so that both meet the same machine. */
async function besideFlood(server: Server, trial: number): Promise<number> {
  const alone = await server.draw('ada', `${PROMPT} ${trial}`);
  const flood = Array.from({ length: FLOOD }, (_, i) => server.draw('flo', `${PROMPT} ${100 + i}`));
  await sleep(1000);
  const beside = await server.draw('ada', `${PROMPT} ${trial}`);
  await Promise.all(flood);
  return beside.picture / alone.picture;
}
