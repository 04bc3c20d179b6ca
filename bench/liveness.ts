/** Whether the serving process answers while pictures are drawn: the delay of its event loop. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { loadSettings } from '../config/settings.ts';
import { startApp } from '../src/app.ts';
import { createLogger } from '../src/log.ts';
import type { Figure } from './figure.ts';

const PICTURES = 5;

/** The app runs in this process, its engine in a child, as in `serve`. */
export async function liveness(): Promise<Figure[]> {
  const env = { DARKROOM_DATA: mkdtempSync(join(tmpdir(), 'darkroom-bench-')), DARKROOM_PORT: '0' };
  const { settings } = loadSettings(env);
  const app = await startApp({ settings, log: createLogger('error', false) });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  try {
    const form = new FormData();
    form.set('text', `/imagine a blue car, ink --n ${PICTURES}`);
    delay.enable();
    const answer = await fetch(`${app.url}/api/messages`, {
      method: 'POST',
      body: form,
      headers: { origin: app.url },
    });
    const cookie = answer.headers.get('set-cookie')!.split(';')[0]!;
    const { message } = (await answer.json()) as { message: { id: string } };
    for (let done = false; !done; ) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const all = await fetch(`${app.url}/api/messages`, { headers: { cookie } });
      const list = (await all.json()) as { id: string; job?: { state: string } }[];
      const state = list.find(({ id }) => id === message.id)?.job?.state;
      if (state === 'failed' || state === 'cancelled') throw new Error(`the job ${state}`);
      done = state === 'done';
    }
    delay.disable();
    // The histogram counts the timer's own 5 ms; nanoseconds.
    return [
      {
        name: 'event-loop delay of the server, p99',
        value: delay.percentile(99) / 1e6 - 5,
        unit: 'ms',
        target: 30,
      },
    ];
  } finally {
    await app.stop();
  }
}
