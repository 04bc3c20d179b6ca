/** A process that answers JSON requests, one a line: one side of a comparison. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Side {
  readonly pid: number;
  /** @throws where it ends, fails or takes longer than `limit` seconds */
  ask<Answer>(message: object, limit?: number): Promise<Answer>;
  stop(): Promise<void>;
}

const LIMIT = 120;

/** @param env variables beside this process's own */
export function startSide(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Side {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid!,
    async ask<Answer>(message: object, limit = LIMIT) {
      child.stdin.write(`${JSON.stringify(message)}\n`);
      const timer = setTimeout(() => child.kill('SIGKILL'), limit * 1000);
      const { value, done } = await lines.next();
      clearTimeout(timer);
      if (done === true) throw new Error(`${command} ended, or took longer than ${limit} s`);
      const answer = JSON.parse(value) as Answer & { failed?: string };
      if (answer.failed !== undefined) throw new Error(answer.failed);
      return answer;
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
