/** `darkroom VERB …`: finds the verb, and turns its end into an exit code: 0 done, 1 failed, 2 wrong usage. */
import packageJson from '../package.json' with { type: 'json' };
import { DarkroomError, describeError, offerNames } from './errors.ts';
import { backup } from './shell/backup.ts';
import { bench } from './shell/bench.ts';
import { config } from './shell/config.ts';
import { doctor } from './shell/doctor.ts';
import { gpu } from './shell/gpu.ts';
import { imagine } from './shell/imagine.ts';
import { models } from './shell/models.ts';
import { people } from './shell/people.ts';
import { queue } from './shell/queue.ts';
import { restore } from './shell/restore.ts';
import { serve } from './shell/serve.ts';
import { watchStreams } from './shell/streams.ts';
import { sweep } from './shell/sweep.ts';
import { UsageError, type Verb } from './shell/verb.ts';
import { worker } from './shell/worker.ts';

const VERBS: Readonly<Record<string, Verb>> = {
  serve,
  worker,
  imagine,
  sweep,
  models,
  config,
  queue,
  people,
  backup,
  restore,
  gpu,
  bench,
  doctor,
};

const HELP = `darkroom ${packageJson.version}: words in a chat become a picture in the thread

${Object.entries(VERBS)
  .map(([name, { summary }]) => `  darkroom ${name.padEnd(8)} ${summary}`)
  .join('\n')}

darkroom VERB --help lists a verb's options.`;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') return say(HELP);
  if (name === '--version' || name === '-v') return say(packageJson.version);
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  try {
    if (verb === undefined) throw unknownVerb(name);
    if (rest.includes('--help') || rest.includes('-h')) return say(verb.help);
    return await verb.run(rest);
  } catch (error) {
    const isOurs = error instanceof DarkroomError || error instanceof UsageError;
    const message = isOurs || !(error instanceof Error) ? describe(error) : `${error.name}: ${error.message}`;
    process.stderr.write(`darkroom: ${message}\n`);
    if (args.includes('--debug') && error instanceof Error) console.error(error);
    return error instanceof UsageError ? 2 : 1;
  }
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

const describe = (error: unknown) =>
  error instanceof UsageError ? error.message : describeError(error).message;

function unknownVerb(name: string): UsageError {
  return new UsageError(`There is no verb ${name}. ${offerNames(name, Object.keys(VERBS))}`);
}

let isOutputLost = false;
watchStreams(() => {
  isOutputLost = true;
  process.exitCode = 1;
});
const code = await main(process.argv.slice(2));
process.exitCode = isOutputLost ? 1 : code;
