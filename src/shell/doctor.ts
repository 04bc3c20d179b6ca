/** `darkroom doctor`: what this machine can run and why not, as a table that one can read aloud. */
import { availableParallelism, freemem, totalmem } from 'node:os';
import { loadSettings } from '../../config/settings.ts';
import { backends } from '../engine/session.ts';
import { describeError } from '../errors.ts';
import { modelFolders } from '../installed-models.ts';
import { Catalogue } from '../models/catalogue.ts';
import { readOptions, type Verb } from './verb.ts';

export const doctor: Verb = {
  summary: 'what this machine can run, each setting and where it came from',
  help: 'darkroom doctor [--config FILE]: exit code 1 where the embedded model or the settings cannot be used.',

  async run(args) {
    const { values } = readOptions(args, {});
    const { settings, table } = loadSettings(process.env, values.config);
    const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    section('Machine', [
      ['node', process.version],
      ['cores', String(availableParallelism())],
      ['memory', `${gib(freemem())} free of ${gib(totalmem())}`],
      ...backends().map(({ name, bundled }): [string, string] => [name, bundled ? 'bundled' : CUDA_ADVICE]),
      ['drawing on', 'cpu; this version runs its models there alone'],
    ]);
    section(
      'Settings',
      table.map(({ name, value, origin }) => [name, `${value}  (${origin})`]),
    );
    section('Chats', [
      ['web', `http://${settings.DARKROOM_HOST}:${settings.DARKROOM_PORT}`],
      ['discord', 'not in this version'],
      ['slack', 'not in this version'],
    ]);
    const { rows, good } = await checkModels(modelFolders(settings.DARKROOM_MODELS));
    section('Models', rows);
    return good ? 0 : 1;
  },
};

const CUDA_ADVICE =
  'not bundled; onnxruntime-node fetches it when its install script is run by hand: ' +
  'node node_modules/onnxruntime-node/script/install.js';

async function checkModels(folders: readonly string[]): Promise<{ rows: [string, string][]; good: boolean }> {
  const catalogue = new Catalogue(folders);
  const rows: [string, string][] = [];
  let good = true;
  const entries = await catalogue.list();
  if (entries.length === 0)
    return { rows: [['none', 'the embedded model is missing; install Darkroom again']], good: false };
  for (const { name } of entries) {
    try {
      const { defaults } = await catalogue.open(name);
      rows.push([name, `good: ${defaults.width}x${defaults.height}, ${defaults.numInferenceSteps} steps`]);
    } catch (error) {
      good = false;
      rows.push([name, describeError(error).message]);
    }
  }
  return { rows, good };
}

function section(title: string, rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`);
  process.stdout.write(`${title}\n${lines.join('\n')}\n\n`);
}
