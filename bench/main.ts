/** `npm run bench [NAME …]`: prints each figure beside what it must reach, and writes them as JSON. Without names: all but the long ones. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { adapters } from './adapters.ts';
import { batching } from './batching.ts';
import { bodies } from './bodies.ts';
import { chat } from './chat.ts';
import { day } from './day.ts';
import { denoisers } from './denoisers.ts';
import { engine } from './engine.ts';
import { eta } from './eta.ts';
import { families } from './families.ts';
import type { Bench, Figure } from './figure.ts';
import { find } from './find.ts';
import { gpu } from './gpu.ts';
import { history } from './history.ts';
import { liveness } from './liveness.ts';
import { lora } from './lora.ts';
import { memory } from './memory.ts';
import { models } from './models.ts';
import { moderation } from './moderation.ts';
import { opening } from './opening.ts';
import { plans } from './plans.ts';
import { precision } from './precision.ts';
import { queue } from './queue.ts';
import { samplers } from './samplers.ts';
import { upscale } from './upscale.ts';
import { usage } from './usage.ts';
import { waiting } from './waiting.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  chat,
  adapters,
  bodies,
  history,
  usage,
  find,
  queue,
  waiting,
  memory,
  models,
  batching,
  liveness,
  samplers,
  engine,
  denoisers,
  families,
  opening,
  plans,
  precision,
  lora,
  upscale,
  moderation,
  gpu,
  day,
  eta,
};
/** Too long to run unasked. */
const BY_NAME: readonly string[] = [
  'families',
  'opening',
  'plans',
  'precision',
  'lora',
  'upscale',
  'moderation',
  'gpu',
  'day',
  'eta',
];

const asked = process.argv.slice(2);
const stray = asked.find((name) => !Object.hasOwn(BENCHES, name));
if (stray !== undefined) {
  console.error(`There is no bench ${stray}. Known: ${Object.keys(BENCHES).join(', ')}.`);
  process.exit(2);
}

const results: Record<string, readonly Figure[]> = {};
for (const [name, bench] of Object.entries(BENCHES)) {
  if (asked.length > 0 ? !asked.includes(name) : BY_NAME.includes(name)) continue;
  const said = new Set<Figure>();
  const say = (figure: Figure) => {
    said.add(figure);
    console.log(describe(figure));
  };
  results[name] = await bench(say);
  for (const figure of results[name]) if (!said.has(figure)) say(figure);
}
const folder = fileURLToPath(new URL('results/', import.meta.url));
mkdirSync(folder, { recursive: true });
const at = new Date().toISOString();
const machine = { cores: availableParallelism(), node: process.version, platform: process.platform };
writeFileSync(
  `${folder}${at.replaceAll(':', '-')}.json`,
  `${JSON.stringify({ at, machine, results }, null, 2)}\n`,
);

function describe({ name, value, unit, target, least }: Figure): string {
  const reached = target === undefined || (least ? value >= target : value <= target);
  const beside =
    target === undefined ? '' : `${least ? 'at least' : 'at most'} ${target}${reached ? '' : '  MISSED'}`;
  return `${name.padEnd(48)} ${value.toFixed(2).padStart(9)} ${unit.padEnd(4)} ${beside}`;
}
