/** What stands beside a single file without effect on it: words of NAME.json, and VAEs of its name. */
import { basename, dirname, join, parse } from 'node:path';
import type { SeenFiles } from '../seen.ts';
import type { LentPart } from '../spec.ts';
import { type Beside, type FamilyWord, nameOfBeside, OF_FAMILIES, VAE_ENDINGS } from './beside.ts';
import type { CheckpointLayout } from './layout.ts';

/**
 * @param path of the file, as the operator's folder names it
 * @param lent parts that the file lacks, and where they were found
 * @returns a sentence for the operator for each thing; whether such a file is there is noted in `seen`
 */
export async function idleBeside(
  path: string,
  {
    beside,
    lent,
    layout,
    base,
    seen,
  }: {
    readonly beside: Beside;
    readonly lent: ReadonlyMap<string, LentPart>;
    readonly layout: Pick<CheckpointLayout, 'words'>;
    /** Which of the family's models it is. */
    readonly base: string;
    readonly seen: SeenFiles;
  },
): Promise<string[]> {
  const label = basename(path);
  const json = nameOfBeside(path);
  const taken = lent.get('vae');
  const whyVae = (name: string) =>
    taken === undefined
      ? `${label} holds a VAE of its own. Ask for this one with --vae ${JSON.stringify(name)}.`
      : `the VAE is taken from ${taken.name}.`;
  const files = VAE_ENDINGS.map((ending) => join(dirname(path), parse(path).name + ending));
  const idleFiles: string[] = [];
  for (const file of files) {
    const isThere = await seen.isThere(file);
    if (isThere && taken?.path !== file)
      idleFiles.push(`${basename(file)} has no effect: ${whyVae(parse(file).name)}`);
  }
  const { vae, textEncoders } = beside;
  const lendsVae = vae !== undefined && taken !== undefined && !files.includes(taken.path);
  const lendsText = [...lent.keys()].some((part) => part !== 'vae');
  return [
    ...(vae === undefined || lendsVae ? [] : [`${json}: "vae" has no effect: ${whyVae(vae)}`]),
    ...(textEncoders === undefined || lendsText
      ? []
      : [`${json}: "text_encoders" has no effect: ${label} holds its own.`]),
    ...idleFiles,
    ...Object.entries(OF_FAMILIES).flatMap(([key, word]) =>
      beside[key as FamilyWord] === undefined || layout.words.includes(key as FamilyWord)
        ? []
        : [`"${word}" beside ${label} has no effect on ${base}.`],
    ),
  ];
}
