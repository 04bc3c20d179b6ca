/** `darkroom VERB …`: finds the verb, and turns its end into an exit code: 0 done, 1 failed, 2 wrong usage. */
import packageJson from '../package.json' with { type: 'json' };
import { offerNames } from './errors.ts';
import { watchStreams } from './shell/streams.ts';
import { DEBUG_HINT, describeOnShell } from './shell/told.ts';
import { UsageError, type Verb } from './shell/verb.ts';

/** Loaded when they are called: `serve` starts without the clients that `doctor` asks Discord and Slack with. */
const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  serve: async () => (await import('./shell/serve.ts')).serve,
  worker: async () => (await import('./shell/worker.ts')).worker,
  imagine: async () => (await import('./shell/imagine.ts')).imagine,
  sweep: async () => (await import('./shell/sweep.ts')).sweep,
  models: async () => (await import('./shell/models.ts')).models,
  config: async () => (await import('./shell/config.ts')).config,
  queue: async () => (await import('./shell/queue.ts')).queue,
  people: async () => (await import('./shell/people.ts')).people,
  backup: async () => (await import('./shell/backup.ts')).backup,
  restore: async () => (await import('./shell/restore.ts')).restore,
  gpu: async () => (await import('./shell/gpu.ts')).gpu,
  bench: async () => (await import('./shell/bench.ts')).bench,
  doctor: async () => (await import('./shell/doctor.ts')).doctor,
};

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') return say(await help());
  if (name === '--version' || name === '-v') return say(packageJson.version);
  const load = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  try {
    if (load === undefined) throw unknownVerb(name);
    const verb = await load();
    if (rest.includes('--help') || rest.includes('-h')) return say(verb.help);
    return await verb.run(rest);
  } catch (error) {
    process.stderr.write(`darkroom: ${describe(error)}\n`);
    if (args.includes('--debug') && error instanceof Error) console.error(error);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function help(): Promise<string> {
  const lines: string[] = [];
  for (const [name, load] of Object.entries(VERBS)) {
    lines.push(`  darkroom ${name.padEnd(8)} ${(await load()).summary}`);
  }
  return `darkroom ${packageJson.version}: words in a chat become a picture in the thread

${lines.join('\n')}

darkroom VERB --help lists a verb's options. All verbs take --config FILE, a file of settings instead of
darkroom.config.json, and --debug, which shows where an error came from.`;
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

const describe = (error: unknown) =>
  error instanceof UsageError ? error.message : describeOnShell(error, DEBUG_HINT).message;

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
