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
import { sentence } from './sentences.ts';
import type { Database } from './store/sql.ts';

interface MachineParts {
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
    { id: 'devices', rows: await describeDevices(parts) },
    { id: 'models', rows: await describeModels(parts) },
    { id: 'chats', rows: describeChats(parts) },
    { id: 'queue', rows: await describeQueue(parts) },
    { id: 'data', rows: await describeData(parts) },
  ];
}

async function describeDevices({ devices }: MachineParts): Promise<StatusRow[]> {
  if (devices.length === 0) {
    return [
      { name: sentence('status.this_process'), value: sentence('status.draws_nothing'), state: 'good' },
    ];
  }
  const cuda = await diagnoseCuda();
  const isMissing = cuda.isInstallable === true;
  const lacking = {
    value: isMissing ? sentence('status.no_libraries') : cuda.words,
    ...(isMissing && { command: 'darkroom gpu install' }),
  };
  const rows = await Promise.all(
    devices.map(async (device): Promise<StatusRow> => {
      if (device.provider === 'cuda' && !cuda.isReady)
        return { name: nameOf(device), state: isMissing ? 'missing' : 'wrong', ...lacking };
      const budget = await budgetOf(device, 0);
      const { precision } = device;
      const value =
        budget === undefined ? precision : sentence('status.memory', { precision, size: gigabytes(budget) });
      return { name: nameOf(device), value, state: 'good' };
    }),
  );
  if (devices.some(({ provider }) => provider === 'cuda')) return rows;
  return [...rows, { name: 'NVIDIA GPU', state: isMissing ? 'missing' : 'fact', ...lacking }];
}

async function describeModels({ models, settings }: MachineParts): Promise<StatusRow[]> {
  const { width, height, enlarges = 1 } = (await models.resolve(EMBEDDED_MODEL)).defaults;
  const names = models.names();
  const own = names.filter((name) => name !== EMBEDDED_MODEL);
  const refused = models.files().filter(({ refusal }) => refusal !== undefined);
  const rows: StatusRow[] = [
    {
      name: sentence('status.embedded'),
      value: sentence('status.embedded_model', {
        ...{ model: EMBEDDED_MODEL, width: enlarges * width, height: enlarges * height },
      }),
      state: 'good',
    },
    own.length > 0
      ? { name: sentence('status.your_models'), value: own.join(', '), state: 'good' }
      : {
          name: sentence('status.your_models'),
          value:
            settings.DARKROOM_MODELS.length === 0
              ? sentence('status.no_folder')
              : sentence('status.no_models', { folders: settings.DARKROOM_MODELS.join(', ') }),
          state: 'missing',
          command: 'darkroom models add OWNER/NAME',
        },
  ];
  if (models.unread() > 0)
    rows.push({
      name: sentence('status.being_read'),
      value: sentence('status.files', { count: models.unread() }),
      state: 'fact',
    });
  for (const { name, refusal } of refused.slice(0, MOST_REFUSED))
    rows.push({ name, value: sentence('error.model_files', { reason: refusal! }), state: 'wrong' });
  if (refused.length > MOST_REFUSED) {
    const more = refused.length - MOST_REFUSED;
    rows.push({
      name: sentence('status.more_refused', { count: more }),
      value: sentence('status.cannot_be_used'),
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
        value: sentence('status.not_set', { variable, platform: key }),
        state: 'off',
        command: `darkroom doctor --${key}`,
      };
    }
    return isUp(key) === true
      ? { name, value: sentence('status.connected'), state: 'good' }
      : {
          name,
          value: sentence('status.not_connected'),
          state: 'wrong',
          command: `darkroom doctor --${key}`,
        };
  };
  return [
    { name: 'Web', value: sentence('status.this_page'), state: 'good' },
    platform('Discord', settings.DISCORD_TOKEN, 'DISCORD_TOKEN'),
    platform('Slack', settings.SLACK_BOT_TOKEN, 'SLACK_BOT_TOKEN'),
  ];
}

async function describeQueue({ database }: MachineParts): Promise<StatusRow[]> {
  const { waiting, running, isPaused, workers, leaseLosses } = await readFigures(database);
  return [
    { name: sentence('status.jobs'), value: sentence('status.counts', { running, waiting }), state: 'fact' },
    workers === 0
      ? {
          name: sentence('status.workers'),
          value: sentence('status.no_workers'),
          state: 'missing',
          command: 'darkroom worker',
        }
      : { name: sentence('status.workers'), value: String(workers), state: 'good' },
    ...(isPaused
      ? [
          {
            name: sentence('status.paused'),
            value: sentence('status.none_starts'),
            state: 'wrong',
            command: 'darkroom queue resume',
          } as const,
        ]
      : []),
    { name: sentence('status.workers_lost'), value: String(leaseLosses), state: 'fact' },
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
      name: sentence('status.version'),
      value: `Darkroom ${packageJson.version}, Node ${process.versions.node}`,
      state: 'fact',
    },
    {
      name: sentence('status.database'),
      value: database.kind === 'server' ? 'PostgreSQL' : sentence('status.embedded_database'),
      state: (await isWritable()) ? 'good' : 'wrong',
    },
    {
      name: sentence('status.pictures'),
      value: pictures.startsWith('s3:')
        ? 'S3'
        : sentence(pictures === 'rows' ? 'status.pictures.rows' : 'status.pictures.files'),
      state: 'fact',
    },
    ...(space === undefined
      ? []
      : [
          {
            name: sentence('status.free_space'),
            value: `${(space / 1e9).toFixed(1)} GB`,
            state: space < LOW_SPACE ? 'wrong' : 'fact',
          } as const,
        ]),
    {
      name: sentence('status.backup'),
      value: sentence('status.backup_file'),
      state: 'fact',
      command: 'darkroom backup FILE.tar',
    },
  ];
}
