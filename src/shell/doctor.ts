/** `darkroom doctor`: what this machine can run and why not, as a table that one can read aloud. */
import { availableParallelism, freemem, totalmem } from 'node:os';
import { bad, type Finding } from '../../adapters/checkup.ts';
import { loadSettings, type Settings } from '../../config/settings.ts';
import { bestDevice } from '../engine/choose-device.ts';
import { AUTO, cpuDevice, type Device, nameOf } from '../engine/device.ts';
import { budgetOf, gigabytes, planMemory, type Saver } from '../engine/memory/memory.ts';
import { probe } from '../engine/probe.ts';
import { bytesToCheck, openCheck } from '../engine/safety/safety.ts';
import { engineOptions, sideFilesOptions } from '../engine-options.ts';
import { diagnoseCuda } from '../gpu/diagnose.ts';
import type { Component } from '../graph/component.ts';
import { foldersOf } from '../installed-models.ts';
import { Catalogue } from '../models/catalogue.ts';
import { openControlnet } from '../models/controlnet.ts';
import { SideFiles } from '../models/side-files.ts';
import type { ModelSpec } from '../models/spec.ts';
import { freezeRequest } from '../request.ts';
import { describeOnShell } from './told.ts';
import { readOptions, sayBeside, type Verb } from './verb.ts';

export const doctor: Verb = {
  summary: 'what this machine can run, each setting and where it came from',
  help: [
    'darkroom doctor [--discord] [--slack] [--config FILE]: exit code 1 where something cannot be used.',
    '  --discord   ask Discord about the token and the permissions of the bot',
    '  --slack     ask Slack about the tokens and the scopes of the app',
  ].join('\n'),

  async run(args) {
    const { values } = readOptions(args, { discord: { type: 'boolean' }, slack: { type: 'boolean' } });
    const { settings: all, table } = loadSettings(process.env, values.config);
    // A classifier that cannot be used has a row of its own, and leaves the others as they are.
    const { DARKROOM_CLASSIFIER: classifier, ...settings } = all;
    const check = await describeClassifier(classifier);
    const cuda = await diagnoseCuda();
    const devices = await describeDevices(settings, cuda);
    const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    section('Machine', [
      ['node', process.version],
      ['cores', String(availableParallelism())],
      ['memory', `${gib(freemem())} free of ${gib(totalmem())}`],
      ['cuda', cuda.text],
      ['devices', devices.words],
      ['int8', await describeInt8(settings)],
      ...(await describeMemory(devices.there)),
      ['kept weights', await describeKept(settings)],
      ['check of pictures', check.words],
    ]);
    section(
      'Settings',
      table.map(({ name, value, origin }) => [name, `${value}  (${origin})`]),
    );
    section('Chats', [
      ['web', `http://${settings.DARKROOM_HOST}:${settings.DARKROOM_PORT}`],
      [
        'discord',
        settings.DISCORD_TOKEN === undefined ? 'off: DISCORD_TOKEN is not set' : 'on; ask it with --discord',
      ],
      [
        'slack',
        settings.SLACK_BOT_TOKEN === undefined
          ? 'off: SLACK_BOT_TOKEN is not set'
          : 'on; ask it with --slack',
      ],
    ]);
    const findings = [
      ...(values.discord ? await aboutDiscord(settings) : []),
      ...(values.slack ? await aboutSlack(settings) : []),
    ];
    for (const [title, found] of findings)
      section(
        title,
        found.map(({ name, words }) => [name, words]),
      );
    const { rows, good } = await checkModels(all, devices.there);
    section('Models', rows);
    return good && check.good && devices.good && findings.every(([, found]) => found.every((one) => one.good))
      ? 0
      : 1;
  },
};

/** What checks finished pictures where admins want it; tried on a grey one. */
async function describeClassifier(path: string | undefined): Promise<Row> {
  if (path === undefined)
    return { words: "by each model's own safety checker; DARKROOM_CLASSIFIER is not set", good: true };
  try {
    const check = await openCheck(path, cpuDevice({ threads: 1 }));
    try {
      const { width, height } = TRIED;
      await check.look({ ...TRIED, channels: 3, data: new Uint8Array(width * height * 3).fill(128) });
    } finally {
      await check.close();
    }
    return { words: `by DARKROOM_CLASSIFIER for all models: ${path} works`, good: true };
  } catch (error) {
    return { words: describeOnShell(error).message, good: false };
  }
}

const TRIED = { width: 64, height: 64 } as const;

/** What the data folder holds so that models open faster. */
async function describeKept(settings: Settings): Promise<string> {
  const options = sideFilesOptions(settings);
  const decimal = (amount: number) => `${(amount / 1e9).toFixed(1)} GB`;
  const { bytes, files } = await new SideFiles(options).usage();
  if (options.limit === 0) return 'off: DARKROOM_CACHE_GB is 0';
  const used = files === 0 ? 'none yet' : `${decimal(bytes)} in ${files} ${files === 1 ? 'file' : 'files'}`;
  return `${used}, at most ${decimal(options.limit)}, in ${options.folder}, which may be deleted`;
}

interface Row {
  readonly words: string;
  /** False for what cannot be used. */
  readonly good: boolean;
}

/** The devices that pictures are made on, or why the setting cannot be used. */
async function describeDevices(
  settings: Settings,
  cuda: Awaited<ReturnType<typeof diagnoseCuda>>,
): Promise<Row & { readonly there: readonly Device[] }> {
  try {
    const missing: string[] = [];
    const found = await engineOptions(settings, {
      onSlow: sayBeside,
      onMissing: (why) => missing.push(why),
    });
    const there = found.map(({ device }) => device);
    const rows = await Promise.all(there.map((device) => describeDevice(device, cuda)));
    const reason = settings.DARKROOM_DEVICES === AUTO ? (await bestDevice()).reason : undefined;
    const words = [rows.map((row) => row.words).join(', '), ...(reason === undefined ? [] : [reason])];
    return {
      words: [...words, ...missing].join('; '),
      good: missing.length === 0 && rows.every(({ good }) => good),
      there,
    };
  } catch (error) {
    return { words: describeOnShell(error).message, good: false, there: [] };
  }
}

/** A card that only lacks something is described by the row above. */
async function describeDevice(device: Device, cuda: Awaited<ReturnType<typeof diagnoseCuda>>): Promise<Row> {
  const name = nameOf(device);
  if (device.provider === 'cuda' && !cuda.isReady) return { words: `${name} (cannot be used)`, good: false };
  if (device.provider === 'cpu') return { words: `${name} (${device.precision})`, good: true };
  const {
    works,
    isUnopened = false,
    reason = 'its probe failed',
  } = await probe(device, { onSlow: sayBeside });
  if (works) return { words: `${name} (${device.precision})`, good: true };
  return { words: isUnopened ? reason : `${name} (cannot be used: ${reason})`, good: false };
}

/** What the CPU gains from int8. */
async function describeInt8({ DARKROOM_PRECISION }: Settings): Promise<string> {
  const {
    works,
    reason = 'its probe failed',
    seconds,
    cpuSeconds,
  } = await probe({ ...cpuDevice(), precision: 'int8' }, { onSlow: sayBeside });
  if (!works || seconds === undefined || cpuSeconds === undefined) return `off: ${reason}`;
  const gain = `a product of matrices is ${(cpuSeconds / seconds).toFixed(1)} times as fast as in float32`;
  return DARKROOM_PRECISION === 'int8'
    ? `on the CPU: ${gain}`
    : `off; DARKROOM_PRECISION=int8 turns it on for the CPU: ${gain}`;
}

/** What each device has for models and pictures. */
async function describeMemory(devices: readonly Device[]): Promise<[string, string][]> {
  return Promise.all(
    devices.map(async (device): Promise<[string, string]> => {
      const budget = await budgetOf(device, 0);
      const words =
        budget === undefined
          ? 'cannot be asked; DARKROOM_MEMORY says how much may be used'
          : `${gigabytes(budget)} GB ${device.limit === undefined ? 'free now' : '(DARKROOM_MEMORY)'}`;
      return [`memory of ${nameOf(device)}`, words];
    }),
  );
}

type Findings = [title: string, found: readonly Finding[]][];

async function aboutDiscord({ DISCORD_TOKEN, DISCORD_API_URL }: Settings): Promise<Findings> {
  if (DISCORD_TOKEN === undefined)
    return [['Discord', [bad('token', 'DISCORD_TOKEN is not set. See docs/discord.md.')]]];
  const { checkDiscord } = await import('../../adapters/discord/checkup.ts');
  return [['Discord', await checkDiscord(DISCORD_TOKEN, DISCORD_API_URL)]];
}

async function aboutSlack(settings: Settings): Promise<Findings> {
  const {
    SLACK_BOT_TOKEN: botToken,
    SLACK_APP_TOKEN: appToken,
    SLACK_SIGNING_SECRET: signingSecret,
  } = settings;
  if (botToken === undefined)
    return [['Slack', [bad('bot token', 'SLACK_BOT_TOKEN is not set. See docs/slack.md.')]]];
  const { checkSlack } = await import('../../adapters/slack/checkup.ts');
  return [['Slack', await checkSlack({ botToken, appToken, signingSecret }, settings.SLACK_API_URL)]];
}

async function checkModels(
  settings: Settings,
  devices: readonly Device[],
): Promise<{ rows: [string, string][]; good: boolean }> {
  const catalogue = new Catalogue(foldersOf(settings));
  const rows: [string, string][] = [];
  let good = true;
  const entries = await catalogue.list();
  if (entries.length === 0)
    return { rows: [['none', 'the embedded model is missing; install Darkroom again']], good: false };
  for (const { name } of entries) {
    try {
      const spec = await catalogue.open(name);
      const { width, height, numInferenceSteps } = spec.defaults;
      const needs = await Promise.all(
        devices.map((device) => describeNeed(spec, device, settings.DARKROOM_CLASSIFIER)),
      );
      rows.push([
        name,
        [`good: ${width}x${height}, ${numInferenceSteps} steps`, ...needs, ...(spec.idle ?? [])].join('; '),
      ]);
    } catch (error) {
      good = false;
      rows.push([name, describeOnShell(error).message]);
    }
  }
  return { rows, good };
}

/** What a picture with the model's defaults takes on a device now, and what goes with the model besides. */
async function describeNeed(
  spec: ModelSpec,
  device: Device,
  classifier: string | undefined,
): Promise<string> {
  const { request } = freezeRequest({ prompt: '' }, { model: spec.name, defaults: spec.defaults });
  const budget = await budgetOf(device, 0);
  const { bytes, fits, savers } = await planMemory(spec, request, { device, nets: [], budget });
  const how = savers.length === 0 ? '' : ` (${savers.map((saver) => SAVER_WORDS[saver]).join(', ')})`;
  const need = `${gigabytes(bytes)} GB on ${nameOf(device)}${how}`;
  if (!fits) return `needs ${need}, which has ${gigabytes(budget!)} GB`;
  const toCheck = await bytesToCheck(classifier, spec, device);
  const checked = toCheck < SHOWN ? [] : [`${gigabytes(toCheck)} GB more where pictures are checked`];
  return [need, ...(await describeControlnets(spec, device)), ...checked].join(', ');
}

/** Bytes from which a gigabyte with one digit behind its point is not 0. */
const SHOWN = 2 ** 30 / 20;

/** The one that adds the most: most models have several of one size. */
async function describeControlnets(spec: ModelSpec, device: Device): Promise<string[]> {
  const { request } = freezeRequest({ prompt: '' }, { model: spec.name, defaults: spec.defaults });
  const bytesWith = async (nets: readonly Component[]) =>
    (await planMemory(spec, request, { device, nets, budget: undefined })).bytes;
  const without = await bytesWith([]);
  let most = 0;
  for (const path of spec.controlnets.values()) {
    // What is wrong with its files is told to whoever names it.
    const net = await openControlnet(path).catch(() => undefined);
    if (net !== undefined) most = Math.max(most, (await bytesWith([net.component])) - without);
  }
  return most >= SHOWN ? [`${gigabytes(most)} GB more with a ControlNet`] : [];
}

const SAVER_WORDS: Readonly<Record<Saver, string>> = {
  guidance: 'guidance in two calls',
  tiles: 'the VAE in tiles',
  mapped: 'weights as they are stored',
  turns: 'components loaded in turn',
};

function section(title: string, rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`);
  process.stdout.write(`${title}\n${lines.join('\n')}\n\n`);
}
