/** What was found out about files, kept in the data folder, so that a start need not open each of them again. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { CONTROL_KINDS } from '../../request.ts';
import { FILE_KINDS } from '../recognise.ts';
import type { Facts } from './facts.ts';

export interface Known {
  readonly identity: string;
  readonly facts: Facts;
  /** Stays as long as the file is there: recipes and settings name it. */
  readonly name: string;
  /** Hex; of a file whose hash has been computed. */
  readonly sha256?: string;
}

/** One higher when what is found out about a file changes. */
const VERSION = 7;
const LARGEST = 200_000_000;

const text = z.string();
const facts = z.object({
  kind: z.enum(FILE_KINDS),
  ...{
    family: text.optional(),
    variant: text.optional(),
    predictionType: text.optional(),
    fewSteps: text.optional(),
    dtype: text.optional(),
  },
  ...{
    parameters: z.number().optional(),
    weights: z.number().optional(),
    refusal: text.optional(),
    title: text.optional(),
    licence: text.optional(),
    commercial: z.boolean().optional(),
  },
  ...{ baseModel: text.optional(), triggerWords: z.array(text).optional(), thumbnail: text.optional() },
  control: z.enum(CONTROL_KINDS).optional(),
});
const schema = z.object({
  version: z.literal(VERSION),
  files: z.record(text, z.object({ identity: text, name: text, sha256: text.optional(), facts })),
});

/** @returns nothing known where the file is missing, damaged or of another version */
export async function readKept(file: string): Promise<Map<string, Known>> {
  try {
    const content = await readFile(file, 'utf8');
    if (content.length > LARGEST) return new Map();
    const { files } = schema.parse(JSON.parse(content));
    return new Map(Object.entries(files) as [string, Known][]);
  } catch {
    return new Map();
  }
}

/** Whole or not at all. A folder that cannot be written costs the next start time, and nothing else. */
export async function writeKept(file: string, known: ReadonlyMap<string, Known>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    await writeFile(part, JSON.stringify({ version: VERSION, files: Object.fromEntries(known) }), {
      mode: 0o600,
    });
    await rename(part, file);
  } catch {
    await rm(part, { force: true }).catch(() => undefined);
  }
}
