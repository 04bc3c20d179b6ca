/** Answers to what is typed so far in an option: names that begin with it first, then those that hold it. */
import { builtInUpscaler, HIRES_UPSCALERS } from '../src/request.ts';
import type { Say } from '../src/sentences.ts';
import type { AnyCommand } from './command.ts';
import { isCommercialOnly, Licences, type Licensed } from './licences.ts';
import type { Ports } from './ports.ts';
import { type Style, stylesFor } from './styles.ts';
import { noteOf, noteOfStyle } from './value-notes.ts';

/** What a menu shows at most. */
const MOST_COMPLETIONS = 50;

async function suggest(
  commands: readonly AnyCommand[],
  ports: Pick<Ports, 'models' | 'settings'>,
  {
    command,
    option,
    typed,
    tenant,
    user,
  }: {
    command: string;
    option: string;
    typed: string;
    tenant: string | undefined;
    /** Whose own styles are known; undefined for nobody's. */
    user?: string;
  },
): Promise<readonly string[]> {
  const named = await namesFor(commands, ports, command, option, { tenant, user });
  const known = await onlyLicensed(named, { command, option, tenant }, ports);
  // Several LoRAs stand in one option: the last one is being typed.
  const before = option === 'lora' ? (/^.*,\s*/.exec(typed)?.[0] ?? '') : '';
  const wanted = typed.slice(before.length).trim().toLowerCase();
  const begin = known.filter((name) => name.toLowerCase().startsWith(wanted));
  const hold = known.filter((name) => !begin.includes(name) && name.toLowerCase().includes(wanted));
  return [...begin, ...hold].map((name) => `${before}${name}`);
}

/** Kinds of files by the options that name them. */
const KINDS = new Map<string, Licensed>([
  ['model', 'checkpoint'],
  ['lora', 'lora'],
  ['vae', 'vae'],
  ['controlnet', 'controlnet'],
  ['upscaler', 'upscaler'],
  ['image-upscaler', 'upscaler'],
]);

/** Where a server takes only what allows commercial use, nothing else is offered; admins name files of every licence. */
async function onlyLicensed(
  names: readonly string[],
  { command, option, tenant }: { command: string; option: string; tenant: string | undefined },
  ports: Pick<Ports, 'models' | 'settings'>,
): Promise<readonly string[]> {
  const kind = KINDS.get(option);
  if (kind === undefined || tenant === undefined || command.startsWith('models ')) return names;
  if (!isCommercialOnly(await ports.settings.rules(tenant))) return names;
  const allowed = new Set(await (await Licences.of(tenant, ports)).allowedOf(kind));
  return names.filter((name) => allowed.has(name) || builtInUpscaler(name) !== undefined);
}

/** A value that an option can be completed to. */
export interface Completion {
  readonly value: string;
  /** What it is good for, in a few words. */
  readonly note?: string;
  /** Of a LoRA: its trigger words. */
  readonly words?: readonly string[];
}

/** Trigger words of one LoRA that are offered. */
const MOST_WORDS = 4;

/** What an option can be completed to, with a word on each value. */
export async function complete(
  commands: readonly AnyCommand[],
  ports: Pick<Ports, 'models' | 'settings'>,
  asked: Parameters<typeof suggest>[2],
  say: Say,
): Promise<readonly Completion[]> {
  const { command, option, tenant, user } = asked;
  const { models } = ports;
  const values = (await suggest(commands, ports, asked)).slice(0, MOST_COMPLETIONS);
  const isStyle = namesStyle(command, option);
  const known = isStyle ? await stylesFor(ports.settings, tenant, user) : new Map<string, Style>();
  const triggers = option === 'lora' ? triggersOf(models) : undefined;
  return values.map((value) => {
    const words = triggers?.get(value.slice(value.lastIndexOf(',') + 1).trim());
    if (words !== undefined) return { value, note: words.join(', '), words };
    const style = isStyle ? known.get(value) : undefined;
    const note = style === undefined ? noteOf(option, value, say) : noteOfStyle(style, say);
    return { value, ...(note !== undefined && { note }) };
  });
}

/** By the LoRA's name. */
const triggersOf = (models: Ports['models']): ReadonlyMap<string, readonly string[]> =>
  new Map(
    models
      .files()
      .flatMap(({ kind, name, triggerWords: words = [] }) =>
        kind === 'lora' && words.length > 0 ? [[name, words.slice(0, MOST_WORDS)] as const] : [],
      ),
  );

const namesStyle = (command: string, option: string) =>
  option === 'style' || (option === 'name' && ['style show', 'style remove'].includes(command));

const namesOf = (kind: string, models: Ports['models']): string[] =>
  models
    .files()
    .filter((file) => file.kind === kind && file.refusal === undefined)
    .map(({ name }) => name);

async function namesFor(
  commands: readonly AnyCommand[],
  { models, settings }: Pick<Ports, 'models' | 'settings'>,
  command: string,
  option: string,
  { tenant, user }: { readonly tenant: string | undefined; readonly user: string | undefined },
): Promise<readonly string[]> {
  if (command === 'models show') return [...new Set(models.files().map(({ name }) => name))];
  if (option === 'model') return models.names();
  if (option === 'lora') return models.loraNames();
  if (option === 'upscaler' || option === 'image-upscaler') return upscalerNames(option, models);
  if (option === 'controlnet') return namesOf('controlnet', models);
  if (option === 'vae') return namesOf('vae', models);
  if (namesStyle(command, option)) return [...(await stylesFor(settings, tenant, user)).keys()];
  const all = commands.flatMap((one) => [one, ...(one.subcommands ?? [])]);
  const found = all.find(({ name }) => name === command)?.options[option];
  if (found?.type === 'choice') return found.choices;
  if (found?.type === 'text')
    return found.suggestions ?? (command === 'help' ? commands.map(({ name }) => name) : []);
  return [];
}

function upscalerNames(option: 'upscaler' | 'image-upscaler', models: Ports['models']): readonly string[] {
  const files = models.files().filter(({ kind, refusal }) => kind === 'upscaler' && refusal === undefined);
  const builtIn = option === 'upscaler' ? HIRES_UPSCALERS : HIRES_UPSCALERS.filter((one) => one !== 'latent');
  return [...files.map(({ name }) => name), ...builtIn];
}
