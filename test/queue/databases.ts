/** Databases to test on: the embedded one, and a PostgreSQL server of our own where this machine has its programs. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { eventually } from '../patience.ts';

/** Debian's folder of the newest PostgreSQL, or that of POSTGRES_BIN. */
const BIN =
  process.env['POSTGRES_BIN'] ??
  globSync('/usr/lib/postgresql/*/bin')
    .sort((a, b) => Number(a.split('/')[4]) - Number(b.split('/')[4]))
    .at(-1);

/** Why tests on a server cannot run here, or false. */
export const skipServer =
  BIN !== undefined && existsSync(join(BIN, 'initdb'))
    ? false
    : "there is no PostgreSQL here: install Debian's postgresql, or name its programs' folder in POSTGRES_BIN";

/** PostgreSQL refuses to run as root: `nobody` does then. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

export class PostgresServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'darkroom-postgres-'));
  readonly #port: number;
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(): Promise<PostgresServer> {
    const server = new PostgresServer(await freePort());
    if (NOBODY.uid !== undefined) chownSync(server.#folder, NOBODY.uid, NOBODY.gid);
    const flags = [
      '-D',
      join(server.#folder, 'data'),
      '-U',
      'darkroom',
      '-A',
      'trust',
      '--no-sync',
      '-E',
      'UTF8',
    ];
    execFileSync(join(BIN!, 'initdb'), flags, { ...NOBODY, cwd: server.#folder, stdio: 'ignore' });
    await server.run();
    return server;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Runs it, also again after kill(). */
  async run(): Promise<void> {
    const flags = [
      '-D',
      join(this.#folder, 'data'),
      '-p',
      `${this.#port}`,
      '-k',
      this.#folder,
      '-h',
      '127.0.0.1',
      // What a killed process has written the system still has.
      '-c',
      'fsync=off',
    ];
    const child = spawn(join(BIN!, 'postgres'), flags, { ...NOBODY, cwd: this.#folder, stdio: 'ignore' });
    this.#process = child;
    await eventually('PostgreSQL answers', () => this.#answers());
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client(this.#url('postgres'));
    // Refused while it starts.
    client.on('error', () => {});
    return client.connect().then(
      async () => {
        await client.end();
        return true;
      },
      () => false,
    );
  }

  /** A database of its own. @returns its DATABASE_URL */
  async database(): Promise<string> {
    const name = `test${this.#databases++}`;
    const client = new pg.Client(this.#url('postgres'));
    await client.connect();
    await client.query(`create database ${name} template template0 lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'`);
    await client.end();
    return this.#url(name);
  }

  /** kill -9 of the server and with it of all its children. */
  async kill(): Promise<void> {
    const ended = once(this.#process!, 'exit');
    this.#process!.kill('SIGKILL');
    await ended;
    // Its children notice, and hold the port and the shared memory until they have.
    await sleep(300);
  }

  async stop(): Promise<void> {
    const ended = once(this.#process!, 'exit');
    this.#process!.kill('SIGQUIT');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #url(name: string): string {
    return `postgres://darkroom@127.0.0.1:${this.#port}/${name}`;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
