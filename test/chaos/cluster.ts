/** Processes of Darkroom that are killed and started again, and users who go on asking all the while. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MessageJson } from '../../adapters/web/conversation/message.ts';

const NODE = fileURLToPath(new URL('./node.ts', import.meta.url));

export class Member {
  readonly role: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly complaints: string[] = [];
  #child: ChildProcess | undefined;

  constructor(role: 'serve' | 'chat' | 'worker', env: Readonly<Record<string, string>>) {
    this.role = role;
    this.#env = env;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [NODE, this.role], {
      env: {
        ...process.env,
        ...{ DARKROOM_WEB_USERS: 'header', DARKROOM_TRUSTED_PROXIES: '127.0.0.1' },
        ...this.#env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    createInterface({ input: child.stderr! }).on('line', (line) => this.complaints.push(line));
    const lines = createInterface({ input: child.stdout! });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => (line === 'ready' ? resolve() : this.complaints.push(line)));
      child.once('exit', () =>
        reject(new Error(`${this.role} ended: ${this.complaints.slice(-3).join('\n')}`)),
      );
    });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Only the inference process gets it. */
  signalEngine(signal: NodeJS.Signals): void {
    const { pid } = this.#child!;
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)) {
      process.kill(Number(child), signal);
    }
  }

  /** @returns its exit code */
  async stop(): Promise<number | null> {
    const { exitCode, signalCode } = this.#child!;
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`${this.role} has died: ${this.complaints.slice(-5).join('\n')}`);
    }
    const ended = once(this.#child!, 'exit');
    this.#child!.kill('SIGTERM');
    return (await ended)[0] as number | null;
  }
}

/** Asks for pictures and remembers each answer that promised one. */
export class Crowd {
  readonly #url: string;
  /** Ids of messages that a 202 has promised to end. */
  readonly promised: string[] = [];
  #isAsking = true;
  readonly #asking: Promise<unknown>;

  constructor(url: string, people: number, pause: number) {
    this.#url = url;
    this.#asking = Promise.all(Array.from({ length: people }, (_, i) => this.#ask(`p${i}`, pause)));
  }

  async #ask(person: string, pause: number): Promise<void> {
    for (let i = 0; this.#isAsking; i++) {
      await this.#post(person, `/imagine ms=${5 + (i % 3) * 10} --steps ${4 + (i % 5) * 4} --seed ${i}`);
      await sleep(pause * (0.5 + Math.random()));
    }
  }

  /** Asks for short jobs, until so many are promised; each of as many people as that takes asks for ten. */
  async flood(jobs: number): Promise<void> {
    for (let i = 0; this.promised.length < jobs; i++) {
      await this.#post(`flood${Math.floor(i / 10)}`, `/imagine ms=1 --steps 2 --seed ${i}`);
    }
  }

  async #post(person: string, text: string): Promise<void> {
    const form = new FormData();
    form.set('text', text);
    const headers = { 'x-darkroom-user': person, origin: this.#url, 'x-forwarded-for': addressOf(person) };
    // Longer than whatever holds the queue may: a program that stands still fails the test.
    const signal = AbortSignal.timeout(60_000);
    const asked = { method: 'POST', body: form, headers, signal };
    const answer = await fetch(`${this.#url}/api/messages`, asked).catch(() => undefined);
    if (answer?.status !== 202) return;
    // Cut off in mid-answer: nothing was promised.
    const body = (await answer.json().catch(() => undefined)) as { message: MessageJson } | undefined;
    if (body?.message.job !== undefined) this.promised.push(body.message.id);
  }

  async stop(): Promise<void> {
    this.#isAsking = false;
    await this.#asking;
  }

  /** Waits until every promise is kept. @returns the messages that were promised */
  async settled(patience: number): Promise<MessageJson[]> {
    const deadline = Date.now() + patience;
    for (;;) {
      const all = await this.messages();
      const mine = this.promised.map((id) => all.find((message) => message.id === id));
      const alive = mine.filter((message) => message === undefined || !isEnded(message));
      if (alive.length === 0) return mine as MessageJson[];
      if (Date.now() > deadline) {
        const states = alive.map((message) => message?.job?.state ?? 'lost');
        throw new Error(`${alive.length} of ${mine.length} promises are not kept: ${states.join(', ')}`);
      }
      await sleep(200);
    }
  }

  async messages(): Promise<MessageJson[]> {
    const headers = { 'x-darkroom-user': 'p0' };
    const answer = await fetch(`${this.#url}/api/messages`, { headers }).catch(() => undefined);
    return answer?.ok === true ? ((await answer.json()) as MessageJson[]) : [];
  }
}

/** A network address of their own: limits are by address. */
export function addressOf(person: string): string {
  const number = Number(person.replaceAll(/\D/g, ''));
  return `10.${person.length}.${number >> 8}.${number & 255}`;
}

const isEnded = ({ job }: MessageJson) =>
  job?.state === 'done' || job?.state === 'failed' || job?.state === 'cancelled';
