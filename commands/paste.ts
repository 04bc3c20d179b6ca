/** What people paste into a chat: code fences, quoted lines, several commands, another program's parameters. */
import { draftOfParameters, type RequestDraft } from '../src/request.ts';
import { sentence, type Words } from '../src/sentences.ts';
import { draftOfText } from './base.ts';
import { commandLine } from './recipe.ts';

interface Unwrapped {
  readonly line: string;
  readonly notes: readonly Words[];
}

/** @param names of the commands, to tell `/imagine` from a path */
export function unwrap(text: string, names: readonly string[]): Unwrapped {
  const plain = withFlags(
    withSlash(withoutQuoteMarks(withoutFence(text.replaceAll('\r\n', '\n').trim())), names),
  );
  const [, verb, rest = plain] = /^\/(imagine|edit)\s+([\s\S]+)$/i.exec(plain) ?? [];
  const draft = draftOfParameters(rest) ?? draftOfPrompts(rest);
  if (draft !== undefined) return { ...lineOf(draft, verb), notes: [sentence('command.other_parameters')] };
  const own = rest.startsWith('{') ? draftOfText(rest) : undefined;
  return own === undefined ? firstCommand(plain, names) : { ...lineOf(own, verb), notes: [] };
}

/** A model of that name need not be here. */
function lineOf(
  { model: _theirs, ...draft }: RequestDraft,
  verb: string | undefined,
): Pick<Unwrapped, 'line'> {
  const line = commandLine(draft);
  return { line: verb === undefined ? line : line.replace(/^\/\w+/, `/${verb.toLowerCase()}`) };
}

/** `Prompt: …`, and on a line of its own `Negative prompt: …`. */
function draftOfPrompts(text: string): RequestDraft | undefined {
  const [, prompt, negative] =
    /^(?:prompt\s*[:=]\s*)?([\s\S]+?)\s*\n\s*negative(?: prompt)?\s*[:=]\s*([\s\S]+)$/i.exec(text) ?? [];
  if (prompt === undefined || negative === undefined || / --\w/.test(text)) return undefined;
  return { prompt, negative_prompt: negative };
}

function withoutFence(text: string): string {
  const block = /^```[^\n`]*\n([\s\S]*?)\n?```$/.exec(text) ?? /^```([^\n]*?)```$/.exec(text);
  return (block ?? /^`([^`\n]+)`$/.exec(text))?.[1]?.trim() ?? text;
}

/** A quoted command, as chats write it: `> /imagine a mug`. */
function withoutQuoteMarks(text: string): string {
  return /^>\s*\//.test(text) ? text.replaceAll(/^>[^\S\n]?/gm, '') : text;
}

/** `/ imagine`, `!imagine`, `／ｉｍａｇｉｎｅ`, `/imagine/`, as phones, other bots and other keyboards write it. */
function withSlash(text: string, names: readonly string[]): string {
  const [head = '', typed = ''] = /^(?:[/\uff0f]{1,2}\s*|!)(\p{L}+)\/?(?=\s|$)/u.exec(text) ?? [];
  const name = typed.normalize('NFKC').toLowerCase();
  if (names.includes(name)) return `/${name}${text.slice(head.length)}`;
  return text.replace(/^\uff0f(?=\p{L})/u, '/');
}

/** What a chat's client copies of a command with its options: `/imagine prompt:a red mug steps:5 seed:7`. */
function withFlags(text: string): string {
  const [, head = '', prompt, options] =
    /^(\/(?:imagine|edit)\s+)?prompt\s?:\s?(?=\S)([^\n]*?)((?:\s+(?:seed|steps|cfg|guidance|ar|no|n|style|draft|strength|size|sampler|schedule|model|lora|control|pose|region|upscale):\s?\S[^\n]*)+)$/i.exec(
      text,
    ) ?? [];
  if (prompt === undefined || options === undefined || / --\w/.test(text)) return text;
  return `${head}${prompt}${options.replaceAll(OPTION, ' --$1 ')}`;
}
const OPTION =
  /\s+(seed|steps|cfg|guidance|ar|no|n|style|draft|strength|size|sampler|schedule|model|lora|control|pose|region|upscale):\s?(?=\S)/gi;

function firstCommand(text: string, names: readonly string[]): Unwrapped {
  const named = [...text.matchAll(/^\/([a-z]+)\b|(?<=\s)\/(imagine|edit)(?=\s)/gim)].filter(
    ([, first, within]) => names.includes((first ?? within)!.toLowerCase()),
  );
  // `/imagine /imagine a mug` is one: its name was typed into itself.
  const starts = named.filter(
    ({ index }, i) => i === 0 || !/^\/[a-z]+\s*$/i.test(text.slice(named[i - 1]!.index, index)),
  );
  const [first, second] = starts;
  const line = first?.index === 0 && second !== undefined ? text.slice(0, second.index).trim() : text;
  const isCut = line.length < text.length;
  return {
    line: line
      .replace(
        /^(\/(?:imagine|edit)\s+)(?:(?:\/(?:imagine|edit)\s+)?prompt\s*[:=]\s*|\/(?:imagine|edit)\s+)/i,
        '$1',
      )
      .replace(/^prompt\s*[:=]\s*(?=\S)/i, ''),
    notes: isCut ? [sentence('command.first_of_several', { count: starts.length })] : [],
  };
}
