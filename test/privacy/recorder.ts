/**
 * Runs a program where nobody but us answers: `recorder.ts PROGRAM ARGUMENT...`, in a network namespace of its own whose
 * resolver is this process. Prints, as JSON, the names that were looked up and the program's exit code.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const names: string[] = [];
const server = createSocket('udp4');
server.on('message', (query, { port, address }) => {
  names.push(nameOf(query));
  // The same question, answered with "no such name" (RFC 1035, 4.1.1).
  const answer = Buffer.from(query);
  answer[2] = 0x81;
  answer[3] = 0x83;
  server.send(answer, port, address);
});
server.bind(53, '127.0.0.1');
await once(server, 'listening');

const [program = '', ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
const [code] = (await once(child, 'exit')) as [number | null];
process.stdout.write(JSON.stringify({ names, code }));
server.close();

/** The name in a DNS question: labels, each behind its length. */
function nameOf(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; at < query.length && query[at] !== 0; at += query[at]! + 1) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
  }
  return labels.join('.');
}
