/** What people paste into a chat: code fences, quoted lines, several commands, another program's parameters. */
import { draftOfParameters } from '../src/request.ts';
import { sentence, type Words } from '../src/sentences.ts';
import { commandLine } from './recipe.ts';

export interface Unwrapped {
  readonly line: string;
  readonly notes: readonly Words[];
}

/** @param names of the commands, to tell `/imagine` from a path */
export function unwrap(text: string, names: readonly string[]): Unwrapped {
  const plain = withoutQuoteMarks(withoutFence(text.replaceAll('\r\n', '\n').trim()));
  const draft = draftOfParameters(plain);
  if (draft !== undefined) {
    const { model: _theirs, ...rest } = draft;
    return {
      line: commandLine(rest),
      notes: [sentence('command.other_parameters')],
    };
  }
  return firstCommand(plain, names);
}

function withoutFence(text: string): string {
  const block = /^```[^\n`]*\n([\s\S]*?)\n?```$/.exec(text) ?? /^```([^\n]*?)```$/.exec(text);
  return (block ?? /^`([^`\n]+)`$/.exec(text))?.[1]?.trim() ?? text;
}

/** A quoted command, as chats write it: `> /imagine a mug`. */
function withoutQuoteMarks(text: string): string {
  return /^>\s*\//.test(text) ? text.replaceAll(/^>[^\S\n]?/gm, '') : text;
}

function firstCommand(typed: string, names: readonly string[]): Unwrapped {
  // `/ imagine`, as some phones write it.
  const [, name = ''] = /^\/\s+([a-z]+)\b/i.exec(typed) ?? [];
  const text = names.includes(name.toLowerCase()) ? typed.replace(/^\/\s+/, '/') : typed;
  const starts = [...text.matchAll(/^\/([a-z]+)\b/gim)].filter(([, name]) =>
    names.includes(name!.toLowerCase()),
  );
  const [first, second] = starts;
  const line = first?.index === 0 && second !== undefined ? text.slice(0, second.index).trim() : text;
  const isCut = line.length < text.length;
  return {
    line: line.replace(/^(\/(?:imagine|edit)\s+)prompt\s*[:=]\s*/i, '$1'),
    notes: isCut ? [sentence('command.first_of_several', { count: starts.length })] : [],
  };
}
