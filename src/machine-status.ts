/** What the operator's pages show: what this machine has, what is missing with the command that gets it, and what goes on. */
import { statfs } from 'node:fs/promises';
import type { StatusRow, StatusSection } from '../adapters/web/server/status-page.ts';
import type { ModelsPort } from '../commands/ports.ts';
import type { Settings } from '../config/settings.ts';
import packageJson from '../package.json' with { type: 'json' };
import { type Device, nameOf } from './engine/device.ts';
import { budgetOf, gigabytes } from './engine/memory/memory.ts';
import { diagnoseCuda } from './gpu/diagnose.ts';
import { EMBEDDED_MODEL } from './installed-models.ts';
import { readFigures } from './queue/operators.ts';
import type { Database } from './store/sql.ts';

export interface MachineParts {
  readonly settings: Settings;
  /** Absent where other processes draw. */
  readonly devices: readonly Device[];
  readonly models: Pick<ModelsPort, 'files' | 'unread' | 'names' | 'resolve'>;
  readonly database: Database;
  /** Whether a platform is connected, by its name; undefined for one that is off. */
  readonly isUp: (platform: string) => boolean | undefined;
  readonly isWritable: () => Promise<boolean>;
}

/** Files that cannot be used and are shown one by one. */
const MOST_REFUSED = 10;
/** Free bytes below which the disk counts as nearly full. */
const LOW_SPACE = 2 * 2 ** 30;

export async function describeMachine(parts: MachineParts): Promise<StatusSection[]> {
  return [
    { title: 'Devices', rows: await describeDevices(parts) },
    { title: 'Models', rows: await describeModels(parts) },
    { title: 'Chats', rows: describeChats(parts) },
    { title: 'Queue', rows: await describeQueue(parts) },
    { title: 'Data', rows: await describeData(parts) },
  ];
}

async function describeDevices({ devices }: MachineParts): Promise<StatusRow[]> {
  if (devices.length === 0) {
    return [{ name: 'this process', value: 'draws nothing; darkroom worker does', state: 'good' }];
  }
  const rows = await Promise.all(
    devices.map(async (device): Promise<StatusRow> => {
      const budget = await budgetOf(device, 0);
      const memory = budget === undefined ? '' : `, ${gigabytes(budget)} GB for models and pictures`;
      return { name: nameOf(device), value: `${device.precision}${memory}`, state: 'good' };
    }),
  );
  if (devices.some(({ provider }) => provider === 'cuda')) return rows;
  const cuda = await diagnoseCuda();
  const isMissing = cuda.text.includes('darkroom gpu install');
  return [
    ...rows,
    {
      name: 'NVIDIA GPU',
      value: isMissing ? 'found, but its CUDA libraries are missing' : cuda.text,
      state: isMissing ? 'missing' : 'fact',
      ...(isMissing && { command: 'darkroom gpu install' }),
    },
  ];
}

async function describeModels({ models, settings }: MachineParts): Promise<StatusRow[]> {
  const { width, height, enlarges = 1 } = (await models.resolve(EMBEDDED_MODEL)).defaults;
  const names = models.names();
  const own = names.filter((name) => name !== EMBEDDED_MODEL);
  const refused = models.files().filter(({ refusal }) => refusal !== undefined);
  const rows: StatusRow[] = [
    {
      name: 'embedded',
      value: `${EMBEDDED_MODEL}: small, ${enlarges * width}x${enlarges * height}; it draws what /help lists`,
      state: 'good',
    },
    own.length > 0
      ? { name: 'your models', value: own.join(', '), state: 'good' }
      : {
          name: 'your models',
          value:
            settings.DARKROOM_MODELS.length === 0
              ? 'none yet. Point DARKROOM_MODELS at the folder that you have, or fetch a model'
              : `none in ${settings.DARKROOM_MODELS.join(', ')} yet. Put models there, or fetch one`,
          state: 'missing',
          command: 'darkroom models add OWNER/NAME',
        },
  ];
  if (models.unread() > 0)
    rows.push({ name: 'being read', value: `${models.unread()} files`, state: 'fact' });
  for (const { name, refusal } of refused.slice(0, MOST_REFUSED))
    rows.push({ name, value: refusal!, state: 'wrong' });
  if (refused.length > MOST_REFUSED) {
    const more = refused.length - MOST_REFUSED;
    rows.push({
      name: `${more} more`,
      value: 'cannot be used',
      state: 'wrong',
      command: 'darkroom models list',
    });
  }
  return rows;
}

function describeChats({ settings, isUp }: MachineParts): StatusRow[] {
  const platform = (name: string, token: string | undefined, variable: string): StatusRow => {
    const key = name.toLowerCase();
    if (token === undefined) {
      return {
        name,
        value: `${variable} is not set; docs/${key}.md says how to get it`,
        state: 'off',
        command: `darkroom doctor --${key}`,
      };
    }
    return isUp(key) === true
      ? { name, value: 'connected', state: 'good' }
      : {
          name,
          value: 'not connected; the log says why',
          state: 'wrong',
          command: `darkroom doctor --${key}`,
        };
  };
  return [
    { name: 'Web', value: 'this page', state: 'good' },
    platform('Discord', settings.DISCORD_TOKEN, 'DISCORD_TOKEN'),
    platform('Slack', settings.SLACK_BOT_TOKEN, 'SLACK_BOT_TOKEN'),
  ];
}

async function describeQueue({ database }: MachineParts): Promise<StatusRow[]> {
  const { waiting, running, isPaused, workers, leaseLosses } = await readFigures(database);
  return [
    { name: 'jobs', value: `${running} run, ${waiting} wait`, state: 'fact' },
    workers === 0
      ? { name: 'workers', value: 'none: nothing is drawn', state: 'missing', command: 'darkroom worker' }
      : { name: 'workers', value: String(workers), state: 'good' },
    ...(isPaused
      ? [
          {
            name: 'paused',
            value: 'jobs are accepted, and none starts',
            state: 'wrong',
            command: 'darkroom queue resume',
          } as const,
        ]
      : []),
    { name: 'workers lost so far', value: String(leaseLosses), state: 'fact' },
  ];
}

async function describeData({ database, settings, isWritable }: MachineParts): Promise<StatusRow[]> {
  const pictures = settings.DARKROOM_PICTURES ?? (database.kind === 'server' ? 'rows' : 'files');
  const space = await statfs(settings.DARKROOM_DATA).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  );
  return [
    {
      name: 'version',
      value: `Darkroom ${packageJson.version}, Node ${process.versions.node}`,
      state: 'fact',
    },
    {
      name: 'database',
      value: database.kind === 'server' ? 'PostgreSQL' : 'embedded',
      state: (await isWritable()) ? 'good' : 'wrong',
    },
    { name: 'pictures', value: pictures.startsWith('s3:') ? 'S3' : pictures, state: 'fact' },
    ...(space === undefined
      ? []
      : [
          {
            name: 'free disk space',
            value: `${(space / 1e9).toFixed(1)} GB`,
            state: space < LOW_SPACE ? 'wrong' : 'fact',
          } as const,
        ]),
    {
      name: 'backup',
      value: 'one file with everything except models',
      state: 'fact',
      command: 'darkroom backup FILE.tar',
    },
  ];
}
