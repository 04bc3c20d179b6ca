/** A real `serve` in a process of its own, and a user of its chat. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

interface JobView {
  readonly state: string;
  readonly preview?: string;
}

export class Server {
  readonly url: string;
  /** Seconds from start until it listens and its model is open. */
  readonly readySeconds: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string, readySeconds: number) {
    this.#child = child;
    this.url = url;
    this.readySeconds = readySeconds;
  }

  static async start(): Promise<Server> {
    const started = performance.now();
    const env = {
      ...process.env,
      DARKROOM_DATA: mkdtempSync(join(tmpdir(), 'darkroom-bench-')),
      DARKROOM_PORT: '0',
      DARKROOM_LOG: 'error',
      DARKROOM_WEB_USERS: 'header',
    };
    const child = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(10);
    return new Server(child, url, (performance.now() - started) / 1000);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  /** Sends a line as a user; resolves when its picture is there. @returns seconds to the first preview and to the picture */
  async draw(user: string, text: string): Promise<{ preview: number; picture: number }> {
    const headers = { 'x-darkroom-user': user, origin: this.url };
    const form = new FormData();
    form.set('text', text);
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    const events = await fetch(`${this.url}/api/events`, { headers });
    const answer = await fetch(`${this.url}/api/messages`, { method: 'POST', body: form, headers });
    const { message } = (await answer.json()) as { message: { job: { id: string } } };
    const { id } = message.job;
    let preview = Number.NaN;
    for await (const job of jobEvents(events, id)) {
      if (Number.isNaN(preview) && job.preview !== undefined) preview = seconds();
      if (job.state === 'done') return { preview, picture: seconds() };
      if (job.state === 'failed' || job.state === 'cancelled') throw new Error(`the job ${job.state}`);
    }
    throw new Error('the events ended before the job');
  }

  /** MiB of all processes, shared pages counted once (PSS). */
  memory(): number {
    const pids = [this.#child.pid!, ...childrenOf(this.#child.pid!)];
    return pids.reduce((sum, pid) => sum + proportionalKib(pid) / 1024, 0);
  }
}

async function* jobEvents(events: Response, id: string): AsyncGenerator<JobView> {
  let text = '';
  for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      if (!/^event: ?job$/m.test(block)) continue;
      const job = JSON.parse(/^data: ?(.*)$/m.exec(block)![1]!) as JobView & { id: string };
      if (job.id === id) yield job;
    }
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function proportionalKib(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
}
