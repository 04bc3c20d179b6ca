/** `imagine --request`: a file of requests, one JSON object or one a line. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { decodeText } from '../decode-text.ts';
import { type Task, taskOf } from './task.ts';
import { UsageError } from './verb.ts';

/**
 * @param file `-` for standard input, whose files are relative to the working folder
 * @throws UsageError where it cannot be read or a line is no JSON
 */
export async function readRequests(file: string): Promise<Task[]> {
  const text =
    file === '-'
      ? await readStdin()
      : decodeText(
          await readFile(file).catch((cause: unknown) => {
            throw new UsageError(`The request file ${file} cannot be read. Check its path.`, { cause });
          }),
        );
  const base = file === '-' ? process.cwd() : dirname(resolve(file));
  return parseObjects(text).map((object, i) => taskOf(object, { line: i + 1, base }));
}

/** One object over many lines, or one a line. */
function parseObjects(text: string): unknown[] {
  try {
    const whole: unknown = JSON.parse(text);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line, i) => {
        try {
          return JSON.parse(line) as unknown;
        } catch (cause) {
          throw new UsageError(`Request ${i + 1} is not JSON: ${line.slice(0, 60)}`, { cause });
        }
      });
  }
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return decodeText(Buffer.concat(chunks));
}
