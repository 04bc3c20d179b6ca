/** `darkroom sweep`: the same picture with several values of one to three options, and one labelled grid of them. */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { parseValues } from '../../commands/command.ts';
import { imagine } from '../../commands/imagine.ts';
import { type Axis, cellValues, countCells, takeAxes } from '../../commands/sweep-axes.ts';
import { labelOfCell } from '../../commands/sweep-run.ts';
import { loadSettings } from '../../config/settings.ts';
import { wildcardFolder } from '../choices/choices.ts';
import { DarkroomError } from '../errors.ts';
import { drawGrid } from '../image/labelled-grid.ts';
import { plainSize } from '../image/plain-size.ts';
import { draftOfOptions, FIELD_OPTIONS, LIMITS, type RequestDraft } from '../request.ts';
import { engineOptionsOf, type Result, Studio } from './imagine.ts';
import { type Order, readTasks } from './imagine-options.ts';
import { checkOut, writeOutput } from './output.ts';
import { tellPicture } from './progress.ts';
import { folderOrName, loraFiles, netPaths, type Task, upscalerFiles, vaeFiles } from './task.ts';
import { DEBUG_HINT, describeOnShell } from './told.ts';
import { asUsage, UsageError, type Verb } from './verb.ts';

/** How a chat's sentences begin an example. */
const CHAT_EXAMPLE = '/sweep a red mug';

/** A picture that was drawn, or why it was not. */
type Cell = { readonly result: Result; readonly picture: Uint8Array } | { readonly error: string };

export const sweep: Verb = {
  summary: 'one picture in several values of up to three options, and a labelled grid of them',
  help: `darkroom sweep "PROMPT" steps=10,20,30 cfg=3..9+2 [options of darkroom imagine]
  Values are lists (10,20,30) or ranges: 3..9+2 is 3, 5, 7, 9; 1..0-0.5 is 1, 0.5, 0.
  Up to three options, models and LoRAs too: model=a,b lora=ink:0.2..1+0.4,none
  The first is the columns, the second the rows, the third a panel for each value. All pictures have the same seed.
  --out FILE.png|FOLDER       The grid; its pictures lie beside it, as FILE-1.png, FILE-2.png …
  --json                      One object: the grid's file, and each picture's label, request and file.
  The other options are those of darkroom imagine, and hold for all pictures.`,

  async run(args) {
    const first = args.findIndex((arg) => arg.startsWith('--'));
    const words = args.slice(0, first < 0 ? undefined : first);
    const { axes, rest } = asUsageOf(() => {
      const taken = takeAxes(words.join(' '), imagine);
      countCells(taken.axes);
      return taken;
    });
    const order = await readTasks([rest, ...(first < 0 ? [] : args.slice(first))]);
    const [base] = order.tasks;
    if (((base!.draft as RequestDraft).num_images ?? 1) > 1) {
      throw new UsageError(
        'A sweep draws one picture for each value. Leave --count out, or vary the seed: seed=1..4.',
      );
    }
    const seed = seedOf(base!) ?? randomInt(LIMITS.seed.max);
    const files = filesOf(order, seed);
    const tasks = asUsageOf(() =>
      cellValues(axes).map((values, i) => taskOfCell(base!, seed, values, files.picture(i))),
    );
    process.stderr.write(`${tasks.length} pictures\n`);
    const cells = await drawAll(tasks, axes, { ...order, out: files.folder });
    const grid = await drawGrid({
      ...labelsOf(axes),
      cells: cells.map((cell) =>
        'error' in cell ? { missing: `Failed: ${cell.error}` } : { picture: cell.picture },
      ),
      cell: sizeOf(cells),
      isEdit: 'image' in (base!.draft as object),
    });
    await writeOutput(files.grid, grid, order.overwrite);
    report(files.grid, cells, axes, order.json);
    return cells.some((cell) => 'error' in cell) ? 1 : 0;
  },
};

function filesOf({ out, overwrite }: Order, seed: number) {
  checkOut(out, 1);
  const isFile = extname(out).toLowerCase() === '.png';
  const folder = isFile ? dirname(out) : out;
  const name = isFile ? basename(out).slice(0, -'.png'.length) : `sweep-${seed}`;
  const grid = join(folder, `${name}.png`);
  if (!overwrite && existsSync(grid)) {
    throw new DarkroomError(
      'forbidden',
      `${grid} exists already. Choose another name, or replace it with --overwrite.`,
    );
  }
  return { grid, folder, picture: (index: number) => `${name}-${index + 1}.png` };
}

function seedOf({ draft }: Task): number | undefined {
  const { seed } = draft as RequestDraft;
  return seed === undefined || seed === -1 ? undefined : seed;
}

function taskOfCell(base: Task, seed: number, given: Readonly<Record<string, string>>, output: string): Task {
  const stray = Object.keys(given).find((name) => !FIELD_OPTIONS.some(({ names }) => names[0] === name));
  if (stray !== undefined) throw new UsageError(`${stray} cannot be varied on the shell.`);
  const named = Object.entries(given).filter(([, value]) => value.toLowerCase() !== 'none');
  const left = Object.keys(given).filter((name) => !named.some(([one]) => one === name));
  const { model, ...own } = draftOfOptions(parseValues(imagine, Object.fromEntries(named), 'web'));
  const { loras, vae, ...rest } = base.draft as RequestDraft;
  const kept = {
    ...(left.includes('lora') || loras === undefined ? {} : { loras }),
    ...(left.includes('vae') || vae === undefined ? {} : { vae }),
  };
  return {
    ...base,
    ...(typeof model === 'string' && { model: folderOrName(model, base.base) }),
    draft: { ...rest, ...kept, seed, ...own, num_images: 1 },
    output,
  };
}

/** Pictures of the same model one after another: it is opened once. @returns in the order of the tasks */
async function drawAll(tasks: readonly Task[], axes: readonly Axis[], how: Order): Promise<Cell[]> {
  const { settings } = loadSettings(process.env, how.config);
  const [options] = await engineOptionsOf(settings, how);
  const studio = new Studio(options, {
    nets: netPaths(tasks),
    files: [...loraFiles(tasks), ...vaeFiles(tasks), ...upscalerFiles(tasks)],
    wildcards: wildcardFolder(settings.DARKROOM_WILDCARDS),
  });
  const cells = new Map<Task, Cell>();
  const ordered = [...Map.groupBy(tasks, ({ model }) => model).values()].flat();
  try {
    for (const [done, task] of ordered.entries()) {
      const label = labelOfCell({ axes }, tasks.indexOf(task));
      tellPicture(how.progress, { picture: done + 1, pictures: tasks.length, label }, process.stderr);
      cells.set(task, await drawOne(studio, task, how, label));
    }
  } finally {
    await studio.close();
  }
  return tasks.map((task) => cells.get(task)!);
}

async function drawOne(studio: Studio, task: Task, how: Order, label: string): Promise<Cell> {
  try {
    const result = await studio.make(task, how);
    return { result, picture: await readFile(result.files[0]!) };
  } catch (error) {
    const { message } = describeOnShell(error, DEBUG_HINT);
    process.stderr.write(`darkroom: ${label}: ${message}\n`);
    if (how.debug) console.error(error);
    return { error: message };
  }
}

function labelsOf(axes: readonly Axis[]) {
  const [columns = [], rows, panels] = axes.map(({ option, values }) =>
    values.map((value) => `${option} ${value}`),
  );
  return { columns, ...(rows && { rows }), ...(panels && { panels }) };
}

function sizeOf(cells: readonly Cell[]) {
  const drawn = cells.find((cell) => 'picture' in cell);
  return drawn === undefined ? { width: 256, height: 256 } : plainSize(drawn.picture);
}

function report(grid: string, cells: readonly Cell[], axes: readonly Axis[], json: boolean): void {
  if (!json) {
    process.stdout.write(`${grid}\n`);
    return;
  }
  const pictures = cells.map((cell, i) => ({
    label: labelOfCell({ axes }, i),
    ...('error' in cell ? { error: cell.error } : cell.result),
  }));
  process.stdout.write(`${JSON.stringify({ grid, pictures })}\n`);
}

/** What cannot be read is wrong usage. */
function asUsageOf<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const usage = asUsage(error);
    if (!(usage instanceof UsageError)) throw usage;
    // As it is typed here.
    throw new UsageError(usage.message.replace(CHAT_EXAMPLE, 'darkroom sweep "a red mug"'), { cause: error });
  }
}
