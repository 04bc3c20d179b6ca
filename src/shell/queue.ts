/** `darkroom queue`: the queue of jobs, for its operator. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { countGpus } from '../queue/capacity.ts';
import { audit, listJobs, pauseQueue, readFigures, resumeQueue, setWeight } from '../queue/operators.ts';
import { type Operate, type Operation, operate } from './operator.ts';
import { counted, readNumber, readOptions, UsageError, type Verb } from './verb.ts';

/** Jobs that are listed at most. */
const MOST = 50;
const ACTIONS = ['list', 'pause', 'resume', 'drain', 'cancel', 'weight', 'capacity'] as const;

export const queue: Verb = {
  summary: 'the queue of jobs: list, pause, resume, drain, cancel, weight, capacity',
  help: `darkroom queue ACTION [--config FILE]

  list             running and waiting jobs
  pause, resume    while paused, jobs are accepted and none starts, on any machine
  drain            pauses, and returns when no job runs: before an upgrade
  cancel ID        ends a job that waits or runs
  weight USER N    a user's share counts N times (0.1 to 100); --server NAME for one server
  capacity --seconds-per-picture S --pictures-per-month N [--peak P] [--utilisation U]
                   how many GPUs that needs (docs/capacity.md)
A running darkroom serve need not be stopped: where it holds the data folder, it carries the action out.`,

  async run(args) {
    const { action, values } = readOrder(args);
    if (action !== 'capacity') return operate('queue', args, values.config, operateQueue);
    process.stdout.write(`${capacityOf(values)}\n`);
    return 0;
  },
};

/** All actions except `capacity`, which needs no database. */
export const operateQueue: Operate = async (operation) => {
  const { action, first, second, values } = readOrder(operation.args);
  const { database } = operation.store;
  const author = `shell:${operation.asker}`;
  switch (action) {
    case 'pause':
      operation.say((await pauseQueue(database, author)) ? 'Paused.' : 'The queue was paused already.');
      return 0;
    case 'resume':
      operation.say((await resumeQueue(database, author)) ? 'Resumed.' : 'The queue was not paused.');
      return 0;
    case 'drain':
      return drain(operation, author);
    case 'cancel':
      return cancel(operation, author, first);
    case 'weight':
      return weigh(operation, author, first, readNumber('weight', second), values.server);
    default:
      return list(operation);
  }
};

function readOrder(args: readonly string[]) {
  const { values, positionals } = readOptions(
    args,
    {
      server: { type: 'string' },
      'seconds-per-picture': { type: 'string' },
      'pictures-per-month': { type: 'string' },
      peak: { type: 'string' },
      utilisation: { type: 'string' },
    },
    { positionals: 3 },
  );
  const [word, first, second] = positionals;
  const action = ACTIONS.find((one) => one === word);
  if (action === undefined) {
    throw new UsageError(`The action is missing or unknown: darkroom queue ${ACTIONS.join(' | ')}.`);
  }
  return { action, first, second, values };
}

async function list({ store: { database }, say }: Operation): Promise<number> {
  const { waiting, running, isPaused, workers } = await readFigures(database);
  const jobs = await listJobs(database, MOST);
  const rows = jobs.map(
    ({ id, state, user, tenant, model, cost, age, worker }) =>
      `${id}  ${state.padEnd(7)}  ${user} (${tenant})  ${model}  ${cost.toFixed(1)} GPU-s  ${Math.round(age)} s old${worker === null ? '' : `  ${worker}`}`,
  );
  const more = waiting + running - jobs.length;
  say(
    [
      `${running} run, ${waiting} wait, ${counted(workers, 'worker')}${isPaused ? '; paused' : ''}`,
      ...rows,
      ...(more > 0 ? [`and ${more} more`] : []),
    ].join('\n'),
  );
  return 0;
}

async function drain({ store: { database }, say, isAlone, signal }: Operation, author: string) {
  await pauseQueue(database, author);
  while (!signal.aborted) {
    const { running, waiting } = await readFigures(database);
    // Where no other process has the database open, running jobs wait for its next start.
    if (running === 0 || isAlone) {
      say(`Drained: no job runs, ${waiting} wait. To continue: darkroom queue resume.`);
      return 0;
    }
    say(`${running} run`);
    await sleep(2000);
  }
  return 1;
}

async function cancel(
  { store: { database }, say, cancel: end }: Operation,
  author: string,
  id: string | undefined,
): Promise<number> {
  if (id === undefined) throw new UsageError('The job is missing: darkroom queue cancel ID.');
  if (!(await end(id))) {
    throw new UsageError(`No job ${id} waits or runs. darkroom queue list shows all that do.`);
  }
  await audit(database, author, 'queue.cancel', id);
  say(`Cancelled ${id}.`);
  return 0;
}

/** Changes the setting `weight` of that user, and the weight of the jobs that wait already. */
async function weigh(
  { store: { database, settings }, say }: Operation,
  author: string,
  user: string | undefined,
  weight: number | undefined,
  server: string | undefined,
): Promise<number> {
  if (user === undefined || weight === undefined) {
    throw new UsageError('The user or the weight is missing: darkroom queue weight USER N.');
  }
  if (!(weight >= 0.1 && weight <= 100)) {
    throw new UsageError(`The weight ${weight} is not from 0.1 to 100.`);
  }
  const servers = await setWeight(database, user, weight, server);
  const known = server === undefined ? servers : [server];
  if (known.length === 0) {
    throw new UsageError(
      `${user} has no jobs yet. Add --server NAME; darkroom queue list shows the users of waiting jobs.`,
    );
  }
  for (const one of known) {
    const before = (await settings.rules(one)).find(
      ({ key, scope, target }) => key === 'weight' && scope === 'user' && target === user,
    )?.value;
    await settings.apply({
      ...{ id: randomUUID(), tenant: one, at: Date.now(), author: { id: author, name: author } },
      ...{ key: 'weight', scope: 'user', target: user, after: weight },
      ...(before !== undefined && { before }),
    });
  }
  say(`${user} has weight ${weight} in ${known.join(', ')}.`);
  return 0;
}

function capacityOf(values: Readonly<Record<string, string | boolean | undefined>>): string {
  const read = (
    name: string,
    fallback: number | undefined,
    isRight: (value: number) => boolean,
    range: string,
  ) => {
    const value = readNumber(name, values[name] as string | undefined) ?? fallback;
    if (value === undefined) throw new UsageError(`capacity needs --${name}.`);
    if (!isRight(value)) throw new UsageError(`--${name} ${value} is not ${range}.`);
    return value;
  };
  const secondsPerPicture = read('seconds-per-picture', undefined, (value) => value > 0, 'above 0');
  const picturesPerMonth = read('pictures-per-month', undefined, (value) => value >= 0, '0 or more');
  const peak = read('peak', 5, (value) => value >= 1, '1 or more');
  const utilisation = read('utilisation', 0.7, (value) => value > 0 && value < 1, 'between 0 and 1');
  const { gpus, gpuSeconds, average, busiest, mostPictures, waitSeconds } = countGpus({
    ...{ secondsPerPicture, picturesPerMonth, peak, utilisation },
  });
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  const [count, they] = gpus === 1 ? ['1 GPU is', 'it'] : [`${gpus} GPUs are`, 'they'];
  return [
    `${picturesPerMonth} pictures of ${secondsPerPicture} s are ${Math.round(gpuSeconds)} GPU-seconds a month, ${(gpuSeconds / 3600).toFixed(1)} hours of one GPU.`,
    `${count} enough to stay below ${percent(utilisation)} in the busiest hour; ${they} could draw ${mostPictures} pictures a month.`,
    `At work: ${percent(average)} of the month, and ${percent(busiest)} of the busiest hour, which has ${peak} times the average.`,
    `A picture waits about ${waitSeconds.toFixed(2)} s for its turn in the busiest hour, on average.`,
  ].join('\n');
}
