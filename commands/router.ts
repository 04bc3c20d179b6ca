/** The commands behind one door: what came in goes to its command, a refusal comes back as a card. */
import type { FormOf, Handle, Invocation, Reaction } from '../adapters/adapter.ts';
import type { Platform } from '../adapters/platforms.ts';
import { refusalCard } from '../adapters/refusal-card.ts';
import { DarkroomError } from '../src/errors.ts';
import { type Locale, localeOf, sayIn, sentence, type Words } from '../src/sentences.ts';
import { type ActionPorts, act } from './actions.ts';
import { ban, pause } from './admin.ts';
import { cleanInvocation } from './clean.ts';
import { type AnyCommand, type Context, parseValues } from './command.ts';
import { config } from './config.ts';
import { Deletions } from './deletions.ts';
import { type CommandsJson, describeCommand } from './describe.ts';
import { edit } from './edit.ts';
import { find } from './find.ts';
import { commandWithoutSlash, findCommand, findSubcommand } from './find-command.ts';
import { Follower } from './follow.ts';
import { formFor } from './forms.ts';
import { createHelp } from './help.ts';
import { imagine } from './imagine.ts';
import { findJobOfPicture } from './job-access.ts';
import { readLine, splitCommand } from './line.ts';
import { tokenize } from './line-tokens.ts';
import { locate } from './locate.ts';
import { withoutMarkup } from './markup.ts';
import { models } from './models.ts';
import { notify } from './notify.ts';
import { unwrap } from './paste.ts';
import { tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';
import { type QueuePorts, queue, SHOW_QUEUE } from './queue.ts';
import { Reactions } from './react.ts';
import { recipe } from './recipe.ts';
import { reasonOf } from './refusals.ts';
import { shownCount, withPicture, withShownPictures } from './replied.ts';
import { type ReplyWords, readReply } from './reply-words.ts';
import { type Reopen, type Resumption, resumeJobs } from './resume.ts';
import { removeJob, startRetention } from './retention.ts';
import { review, settleReviews } from './review.ts';
import { rules } from './rules.ts';
import { actionOfWords, commandOfWords, flagsOfWords, takePictures, withoutRequest } from './small-talk.ts';
import { style } from './style.ts';
import { createSubmit } from './submit.ts';
import { type Completion, complete } from './suggest.ts';
import { type SweepCommandPorts, sweep } from './sweep.ts';
import { usage } from './usage.ts';
import { wildcard } from './wildcard.ts';

/** What all commands together use; each is given it as the type of its own ports. */
type RouterPorts = ActionPorts & SweepCommandPorts & QueuePorts & Ports;

type RoutedCommand = AnyCommand<RouterPorts>;

const help = createHelp(() => COMMANDS);
export const COMMANDS: readonly RoutedCommand[] = [
  imagine,
  edit,
  sweep,
  recipe,
  find,
  queue,
  notify,
  style,
  wildcard,
  rules,
  config,
  models,
  review,
  ban,
  pause,
  usage,
  help,
];

const NAMES = COMMANDS.map(({ name }) => name);
export interface Commands {
  /** Resolves when the answer is complete: for a picture, when its job has ended. */
  readonly handle: Handle;
  /**
   * Follows what the last process left unfinished on some platforms; call it when they are connected.
   * @param reopen the message of a job, from the adapter of its platform
   * @returns how many jobs are followed again
   */
  resume(reopen: Reopen, platforms: readonly Platform[]): Promise<number>;
  /** What a button, a bare command or a menu on a message asks before it acts. */
  readonly formOf: FormOf;
  /** Removes a job whose message somebody has deleted on its platform, with its pictures. */
  forget(job: string): Promise<void>;
  /** Stars a picture by a reaction. */
  react(reaction: Reaction): Promise<void>;
  /** Removes what has expired, now and every hour. */
  startRetention(): Promise<void>;
  /** Call it before the queue is closed: jobs that have not ended are then resumed at the next start. */
  release(): void;
  /** What a platform's menu and its empty state show. */
  describe(locale: Locale): Promise<CommandsJson>;
  /** What an option can be completed to. @param asked.tenant whose styles are known; undefined in a direct message */
  complete(asked: Parameters<typeof complete>[2], locale: Locale): Promise<readonly Completion[]>;
}

export function createCommands(ports: Ports): Commands {
  const follower = new Follower(ports);
  const orders = createSubmit(ports, (record, reply) => follower.follow(record, reply));
  const deletions = new Deletions(ports);
  const reactions = new Reactions(ports);
  const all: RouterPorts = { ...ports, ...orders, follower, deletions };
  const resumptions: Resumption[] = [];
  const resumed = new Set<Platform>();
  let stopRetention: (() => void) | undefined;
  return {
    async handle(invocation, reply) {
      try {
        const located = await locate(cleanInvocation(invocation), ports);
        await dispatch({
          invocation: await withShownPictures(located, ports),
          ...{ reply, say: sayIn(localeOf(invocation.where.locale)), ports: all },
        });
      } catch (error) {
        if (error instanceof DarkroomError) countRefusal(error, invocation, ports);
        else ports.onError?.(error);
        await reply
          .postEphemeral(refusalCard(error, invocation.where.locale))
          .catch((failure: unknown) => ports.onError?.(failure));
      }
    },
    async resume(reopen, platforms) {
      const resumption = await resumeJobs(ports, follower, reopen, platforms);
      resumptions.push(resumption);
      for (const platform of platforms) resumed.add(platform);
      return resumption.followed;
    },
    formOf: (asked) => formFor(asked, ports),
    async forget(job) {
      const record = await ports.jobs.get(job);
      if (record !== undefined) await removeJob(record, ports);
    },
    react: (reaction) => reactions.take(reaction),
    async startRetention() {
      await deletions.finishLeft();
      await settleReviews([...resumed], ports);
      stopRetention = await startRetention(ports);
    },
    release() {
      follower.release();
      deletions.release();
      for (const resumption of resumptions) resumption.stop();
      stopRetention?.();
    },
    complete: (asked, locale) => complete(COMMANDS, ports, asked, sayIn(locale)),
    async describe(locale) {
      const { gallery, words } = await ports.models.resolve();
      return {
        commands: COMMANDS.map((command) => describeCommand(command, ports, sayIn(locale))),
        gallery,
        words,
      };
    },
  };
}

/** Nobody waits for it: a refusal is said whether it could be counted or not. */
function countRefusal(error: DarkroomError, invocation: Invocation, { usage, onError }: Ports): void {
  if (error.code === 'internal') return;
  usage.countRefusal(tenantOf(invocation), reasonOf(error)).catch((failure: unknown) => onError?.(failure));
}

async function dispatch(context: Context<RouterPorts>): Promise<void> {
  const { input } = context.invocation;
  if (input.kind === 'action' && input.action === SHOW_QUEUE) return run(queue, {}, context);
  if (input.kind === 'action') return act(input.action, context);
  if (input.kind === 'command') {
    const [name = '', ...rest] = input.name.split(' ');
    const { command } = findSubcommand(findCommand(COMMANDS, name), rest.join(' '));
    const { values, notes } = withTypedFlags(command, input.values);
    return run(command, values, { ...context, notes: [...(context.notes ?? []), ...notes] });
  }
  return takeLine(input.text, context);
}

async function takeLine(typed: string, given: Context<RouterPorts>): Promise<void> {
  const { line: unwrapped, notes } = unwrap(typed, NAMES);
  const whole = describesPicture(unwrapped) ? withoutMarkup(unwrapped) : unwrapped;
  const asked = readAboutReply(whole, given.invocation);
  const invocation = withPicture(given.invocation, asked.picture);
  const context = { ...given, invocation };
  const { action, count } = asked;
  const [picture] = invocation.repliedTo?.pictureIds ?? [];
  const replied =
    action && picture !== undefined ? await findJobOfPicture(picture, invocation, context.ports) : undefined;
  if (replied !== undefined) {
    const number = replied.pictures.findIndex(({ id }) => id === picture) + 1;
    return act(`${action}:${replied.id}:${number}`, { ...context, notes, ...(count && { count }) });
  }
  // Of a picture that nobody here has made, its words are not known: it is redrawn as it is.
  const text = action === undefined || count === undefined ? asked.text : '';
  const isReply = shownCount(invocation.repliedTo) > 0;
  const line = wordsAfterCommand(splitCommand(text)) ?? commandOfWords(text, isReply) ?? helpAbout(text);
  const isNew = line === undefined && !isAboutPicture(invocation);
  const unslashed = isNew ? commandWithoutSlash(text, COMMANDS) : undefined;
  // "again" and "bigger" are about a picture, and there is none.
  if (isNew && actionOfWords(text) !== undefined)
    throw new DarkroomError('bad_request', sentence('draw.nothing_to_edit'));
  const more = isNew ? takePictures(withoutRequest(text)) : {};
  const found =
    line === undefined
      ? {
          command: commandForWords(invocation),
          rest: isAboutPicture(invocation)
            ? (flagsOfWords(text) ?? text)
            : (more.text ?? withoutRequest(text)),
        }
      : findSubcommand(findCommand(COMMANDS, line.name, line.rest), line.rest);
  if (asksForHelp(found.rest)) return run(help, { command: found.command.name }, context);
  const { values, notes: read } = readLine(found.command, found.rest);
  const number = count ?? more.count;
  const counted = number === undefined ? {} : { n: number };
  const hints = unslashed === undefined ? [] : [unslashed];
  return run(found.command, { ...counted, ...values }, { ...context, notes: [...notes, ...read, ...hints] });
}

/** `/imagine help` asks for it, as with the commands of other programs. */
function wordsAfterCommand(line: ReturnType<typeof splitCommand>): ReturnType<typeof splitCommand> {
  if (line === undefined || !/^(?:help|\?|도움말)$/i.test(line.rest.trim()) || line.name === 'help')
    return line;
  return { name: 'help', rest: line.name };
}

/** `help config`, without a slash. */
function helpAbout(text: string): ReturnType<typeof splitCommand> {
  const [, name = ''] = /^help\s+\/?(\S+)$/i.exec(text.trim()) ?? [];
  return NAMES.includes(name.toLowerCase()) ? { name: 'help', rest: name } : undefined;
}

/** Words that are no command, in reply to pictures. */
function readAboutReply(text: string, { repliedTo }: Invocation): ReplyWords {
  const shown = shownCount(repliedTo);
  return shown === 0 || splitCommand(text) !== undefined ? { text } : readReply(text, shown);
}

/** Flags in the words of a platform's own prompt option; the options beside it win. */
function withTypedFlags(
  command: RoutedCommand,
  given: Readonly<Record<string, unknown>>,
): { readonly values: Readonly<Record<string, unknown>>; readonly notes: readonly Words[] } {
  const { prompt, ...values } = given;
  if (typeof prompt !== 'string' || command.typed === undefined) return { values: given, notes: [] };
  const { line, notes } = unwrap(prompt, NAMES);
  const read = readLine(command, withoutMarkup(line.replace(/^\/(?:imagine|edit)\b\s*/i, '')));
  return { values: { prompt: '', ...read.values, ...values }, notes: [...notes, ...read.notes] };
}

/** Words, and the lines of commands that take them: only these may be formatted. */
function describesPicture(line: string): boolean {
  const name = splitCommand(line)?.name;
  return name === undefined || COMMANDS.some((one) => one.name === name && one.typed !== undefined);
}

const asksForHelp = (line: string) => tokenize(line).some(({ raw }) => /^(?:--|\u2014)help$/i.test(raw));

/** Words without a command: with a picture an edit of it, else a new picture. */
const commandForWords = (invocation: Invocation): RoutedCommand =>
  isAboutPicture(invocation) ? edit : imagine;

const isAboutPicture = ({ attachments, repliedTo }: Invocation) =>
  attachments.length > 0 || repliedTo !== undefined;

async function run(
  command: RoutedCommand,
  values: Readonly<Record<string, unknown>>,
  context: Context<RouterPorts>,
): Promise<void> {
  // The values were checked against this very command's options.
  await command.run(parseValues(command, values, context.invocation.platform) as never, context);
}
