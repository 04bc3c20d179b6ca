/** Which command a line means: by its name, by another name that people have for it, or without its slash. */
import { clip } from '../adapters/clip.ts';
import { DarkroomError, nearestNames, offer } from '../src/errors.ts';
import { type Sentence, sentence } from '../src/sentences.ts';
import { type AnyCommand, lastWord } from './command.ts';

/** What other bots, and people, call the commands. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  imagine: [
    ...['draw', 'paint', 'sketch', 'img', 'image', 'create', 'generate', 'gen', 'dream', 'make', 'picture'],
    ...['txt2img', 'prompt', '그림', '그리기', '그려줘', '이미지'],
  ],
  edit: ['img2img', 'change', 'remix', 'inpaint', '편집'],
  recipe: ['info', 'describe', 'show', 'seed', 'png', '레시피'],
  queue: ['jobs', 'status', 'cancel', 'stop', '대기열', '취소'],
  find: ['search', 'gallery', 'history', '찾기', '검색'],
  models: ['model', 'checkpoints', '모델'],
  config: ['settings', 'setting', 'options', 'set', '설정'],
  help: ['start', 'commands', 'about', '도움말'],
};

/** Characters of a line that a sentence repeats. */
const REPEATED = 100;

/** What a user may have meant. */
const meantLine = (line: string): Sentence => sentence('command.meant_line', { line: clip(line, REPEATED) });

/** @param rest of the line. @throws DarkroomError('bad_request') that offers what may be meant */
export function findCommand<C extends AnyCommand>(commands: readonly C[], name: string, rest = ''): C {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  // What admins may use is found by its name only.
  const names = commands.flatMap((command) => (command.isForAdmins ? [] : [command.name]));
  if (name === '') throw new DarkroomError('bad_request', sentence('command.missing', { names }));
  if (rest !== '' && isDrawFlag(commands, name))
    throw new DarkroomError('bad_request', sentence('command.is_flag', { name, rest: clip(rest, REPEATED) }));
  const all = commands.map((command) => command.name);
  const meant = all.filter((one) => SYNONYMS[one]?.includes(name));
  const near = meant.length > 0 ? meant : nearestNames(name, all);
  const [only] = near;
  const known = sentence('error.known', { names });
  const others = near.length > 0 ? sentence('error.did_you_mean', { names: { anyOf: near } }) : known;
  const offered = near.length === 1 && rest !== '' ? meantLine(`/${only} ${rest}`) : others;
  throw new DarkroomError('bad_request', sentence('command.unknown', { name, offer: offered }));
}

/** `/seed 5` */
const isDrawFlag = (commands: readonly AnyCommand[], name: string): boolean =>
  commands.some(
    (command) =>
      command.name === 'imagine' &&
      Object.values({ ...command.options, ...command.typed }).some(
        ({ flag, aliases }) => flag === `--${name}` || aliases?.includes(`--${name}`),
      ),
  );

/** `/config set KEY VALUE`: the first word names what to do. @throws DarkroomError('bad_request') */
export function findSubcommand<P>(
  command: AnyCommand<P>,
  rest: string,
): { command: AnyCommand<P>; rest: string } {
  const { subcommands } = command;
  if (subcommands === undefined) return { command, rest };
  const [, name = '', after = ''] = /^\s*(\S*)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (name === '') return { command, rest };
  const found = subcommands.find((one) => lastWord(one.name) === name.toLowerCase());
  if (found !== undefined) return { command: found, rest: after };
  const names = subcommands.map((one) => lastWord(one.name));
  // `/config max_steps 5` leaves out `set`.
  const { usual } = command;
  const isTypo = !/^[@<#]/.test(name) && nearestNames(name, names).length > 0;
  const verb = isTypo ? undefined : after === '' ? usual?.word : usual?.words;
  const offered =
    verb === undefined ? offer(name, names) : meantLine(`/${command.name} ${verb} ${rest.trim()}`);
  throw new DarkroomError(
    'bad_request',
    sentence('command.no_subcommand', { command: command.name, name, offer: offered }),
  );
}

/** Names that a description of a picture may begin with. */
const NOUNS: readonly string[] = ['models', 'style', 'find', 'review', 'rules', 'usage', 'sweep', 'queue'];
/** Words of a line with such a name that is no description yet. */
const FEW = 3;
/** Words without a name that ask for a list. */
const LIST_WORDS: readonly string[] = ['목록', '리스트'];

/**
 * Words that could be a command whose slash was left out: `config set max_steps 5`, `list`.
 * @returns a hint beside the picture, where the words may as well describe one
 * @throws DarkroomError('bad_request') that asks which is meant, where they hardly describe a picture
 */
export function commandWithoutSlash(typed: string, commands: readonly AnyCommand[]): Sentence | undefined {
  const text = typed.trim().replace(/^[!/\\]/, '');
  const [first = '', second, ...more] = text.toLowerCase().split(/\s+/);
  if (second === undefined) {
    const lines = linesFor(first.replace(/[.!?]+$/, ''), commands);
    if (lines.length === 0) return undefined;
    throw orPicture(lines, text);
  }
  const command = commands.find(({ name }) => name === first);
  if (command === undefined || !takes(command, second, more)) return undefined;
  const line = `/${text}`;
  if (NOUNS.includes(first) && 2 + more.length > FEW && !(first === 'sweep' && hasAxis(more)))
    return sentence('command.as_words', { line: clip(line, REPEATED) });
  throw orPicture([line], text);
}

const orPicture = (lines: readonly string[], words: string) =>
  new DarkroomError(
    'bad_request',
    sentence('command.or_picture', {
      lines: { anyOf: lines.map((line) => clip(line, REPEATED)) },
      words: clip(words, REPEATED),
    }),
  );

/** Commands that one word names: itself, by another name, or as what it does. Those about a picture are none without one. */
function linesFor(word: string, commands: readonly AnyCommand[]): string[] {
  const meant = commands.filter(({ name }) => name !== 'imagine' && name !== 'recipe');
  if (meant.some(({ name }) => name === word)) return [`/${word}`];
  const other = meant.filter(({ name }) => SYNONYMS[name]?.includes(word));
  const verb = LIST_WORDS.includes(word) ? 'list' : word;
  const doing = commands
    .filter(({ isForAdmins }) => isForAdmins !== true)
    .flatMap(({ subcommands = [] }) => subcommands.filter(({ name }) => lastWord(name) === verb));
  return [...other, ...doing].map(({ name }) => `/${name}`);
}

const hasAxis = (words: readonly string[]) => words.some((word) => /^[\p{L}_-]+=\S/u.test(word));

/** Whether the words behind its name are such as a command takes. */
function takes(command: AnyCommand, second: string, more: readonly string[]): boolean {
  if (command.subcommands !== undefined)
    return command.subcommands.some(({ name }) => lastWord(name) === second);
  if (command.name === 'find') return true;
  if (command.name === 'sweep') return hasAxis([second, ...more]);
  const [option] = Object.values(command.options);
  return more.length === 0 && option?.type === 'choice' && option.choices.includes(second);
}
