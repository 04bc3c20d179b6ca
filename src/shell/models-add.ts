/** `darkroom models add`: fetches a model from the Hugging Face Hub, Civitai or an address. */
import { resolve } from 'node:path';
import type { Settings } from '../../config/settings.ts';
import { engineOptions } from '../engine-options.ts';
import { downloadFolder } from '../installed-models.ts';
import { createDownloads, describePlan } from '../model-downloads.ts';
import { sayWords } from '../sentences.ts';
import { createByteProgress } from './progress.ts';
import { asUsage, sayBeside, UsageError } from './verb.ts';

export async function addModel(
  words: readonly string[],
  { settings, to }: { readonly settings: Settings; readonly to: string | undefined },
): Promise<number> {
  const [text, ...others] = words;
  if (text === undefined || others.length > 0)
    throw new UsageError('models add takes one model: owner/name, civitai:NUMBER, or an address.');
  const folder = resolve(to ?? downloadFolder(settings));
  const downloads = createDownloads(settings);
  const precisionOf = async () => {
    const [{ device }] = await engineOptions(settings, { onLeftOut: sayBeside, onSlow: sayBeside });
    return device.precision;
  };
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const progress = createByteProgress(process.stderr);
  try {
    const plan = await downloads.plan(parse(downloads, text), precisionOf, interrupted.signal);
    for (const [key, value] of describePlan(plan))
      process.stdout.write(`${sayWords('en', key).padEnd(10)}${sayWords('en', value)}\n`);
    const { signal } = interrupted;
    const { path, wasThere } = await downloads.fetch(plan, folder, {
      signal,
      onProgress: (bytes, total) => progress.show(bytes, total),
    });
    progress.end();
    process.stdout.write(`${wasThere ? 'It was there already:' : 'Stored as'} ${path}\n`);
    return 0;
  } catch (error) {
    progress.end();
    throw error;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function parse(downloads: ReturnType<typeof createDownloads>, text: string) {
  try {
    return downloads.parse(text);
  } catch (error) {
    throw asUsage(error);
  }
}
