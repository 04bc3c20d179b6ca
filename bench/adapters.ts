/**
 * How soon each chat acknowledges: 1,000 commands of 50 people at 50 a second over a stand-in engine, with the real
 * adapters and clients against servers on loopback. The servers run in this process (Slack's beside it) and cost time too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chat } from '../test/conformance/chat.ts';
import { startDiscord } from '../test/conformance/discord.ts';
import { startSlack } from '../test/conformance/slack.ts';
import { startWeb } from '../test/conformance/web.ts';
import { whyNoSlack } from '../test/slack/local-slack.ts';
import type { Figure } from './figure.ts';

const COMMANDS = 1000;
const PER_SECOND = 50;
const PEOPLE = 50;

export async function adapters(): Promise<Figure[]> {
  const figures = [
    ...(await acknowledgements('web', startWeb)),
    ...(await acknowledgements('discord', startDiscord)),
  ];
  const reason = await whyNoSlack();
  if (reason !== undefined) console.log(`slack is left out: ${reason}`);
  else figures.push(...(await acknowledgements('slack', () => startSlack('socket'))));
  return figures;
}

async function acknowledgements(name: string, start: () => Promise<Chat>): Promise<Figure[]> {
  await using chat = await start();
  // A real engine draws a picture a second; a stand-in that drew all at once would be what is measured.
  chat.queue.held = true;
  const sent: Promise<void>[] = [];
  const started = performance.now();
  for (let i = 0; i < COMMANDS; i++) {
    await sleep(Math.max(0, started + (i * 1000) / PER_SECOND - performance.now()));
    sent.push(chat.command(`p${i % PEOPLE}`, 'imagine', { prompt: `boat ${i}`, size: '8x8' }));
  }
  await Promise.allSettled(sent);
  // The last ones may be on their way.
  await sleep(2000);
  const times = chat.acknowledgements().toSorted((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return [
    { name: `${name}: commands acknowledged`, value: times.length, unit: '', target: COMMANDS, least: true },
    { name: `${name}: acknowledgement, median`, value: at(0.5), unit: 'ms' },
    { name: `${name}: acknowledgement, p99`, value: at(0.99), unit: 'ms', target: 1000 },
    { name: `${name}: memory of the process`, value: process.memoryUsage().rss / 2 ** 20, unit: 'MiB' },
  ];
}
