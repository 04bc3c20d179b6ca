/** Which files of a repository a model needs. Nothing of them is read but their names. */
import { DarkroomError } from '../errors.ts';
import { sentence, type Words } from '../sentences.ts';
import { WEIGHTS } from './address.ts';

interface HubFile {
  readonly path: string;
  readonly bytes: number;
}

interface Wish {
  /** Of the device that will draw. */
  readonly precision: 'float32' | 'float16';
  /** Folders of a pipeline that are read, without the others (safety checkers, say). */
  readonly parts: readonly string[];
}

interface Choice {
  readonly paths: readonly string[];
  /** Sentences for the user. */
  readonly notes: readonly Words[];
}

/** diffusers' names of variants, best first. A file without one is float32, or the only one there is. */
const VARIANTS: Readonly<Record<Wish['precision'], readonly string[]>> = {
  float16: ['fp16', '', 'bf16', 'fp32'],
  float32: ['', 'fp32', 'fp16', 'bf16'],
};
/** Weights of other programs, and pictures of what a model draws. */
const SMALL_FILES = /\.(json|txt|model|md)$/i;
const LICENCE = /^(licen[cs]e|readme)(\.(md|txt))?$/i;
/** Larger files of these names are no configuration. */
const LARGEST_SMALL_FILE = 20_000_000;
/** `model.fp16-00001-of-00002.safetensors`, `diffusion_pytorch_model.safetensors` */
const WEIGHT_FILE =
  /^(?<base>.+?)(?:\.(?<variant>fp16|fp32|bf16|non_ema))?(?<shard>-\d{5}-of-\d{5})?\.(?<ending>safetensors|bin)$/;
/** `diffusion_pytorch_model.safetensors.index.fp16.json` */
const SHARD_INDEX = /\.(safetensors|bin)\.index(?:\.(?<variant>\w+))?\.json$/;

/** Of a pipeline in diffusers' layout. @throws DarkroomError('unsupported') where a part has no weights that are read */
export function choosePipelineFiles(files: readonly HubFile[], { precision, parts }: Wish): Choice {
  const withPickles: string[] = [];
  const chosen = files.filter(
    ({ path, bytes }) =>
      !path.includes('/') &&
      bytes <= LARGEST_SMALL_FILE &&
      (path === 'model_index.json' || path === 'darkroom.json' || LICENCE.test(path)),
  );
  for (const part of parts) {
    const inPart = files.filter(({ path }) => path.startsWith(`${part}/`));
    chosen.push(...inPart.filter((file) => isSmall(file) && !SHARD_INDEX.test(file.path)));
    const weights = chooseWeights(inPart, precision);
    if (weights === undefined) {
      const names = inPart.filter(({ path }) => WEIGHTS.test(path) || /\.(msgpack|onnx|gguf)$/.test(path));
      // Tokenizers and schedulers have none.
      if (names.length === 0) continue;
      throw new DarkroomError(
        'unsupported',
        sentence('download.no_safetensors', { part, names: names.map(({ path }) => path).join(', ') }),
      );
    }
    chosen.push(...weights.files);
    if (weights.hasPickles === true) withPickles.push(part);
  }
  return {
    paths: [...new Set(chosen.map(({ path }) => path))],
    notes: [...new Set(withPickles)].map((part) => sentence('download.only_pickles_of', { part })),
  };
}

/** Of a folder with one network, such as a ControlNet: its config.json and its weights. */
export function chooseComponentFiles(
  files: readonly HubFile[],
  precision: Wish['precision'],
): Choice | undefined {
  const top = files.filter(({ path }) => !path.includes('/'));
  const weights = chooseWeights(
    top.filter(({ path }) => path.startsWith('diffusion_pytorch_model')),
    precision,
  );
  if (weights === undefined || !top.some(({ path }) => path === 'config.json')) return undefined;
  const rest = top.filter(({ path }) => path === 'config.json' || LICENCE.test(path));
  return {
    paths: [...rest, ...weights.files].map(({ path }) => path),
    notes: weights.hasPickles === true ? [sentence('download.only_pickles')] : [],
  };
}

const isSmall = ({ path, bytes }: HubFile) => SMALL_FILES.test(path) && bytes <= LARGEST_SMALL_FILE;

function chooseWeights(
  files: readonly HubFile[],
  precision: Wish['precision'],
): { files: readonly HubFile[]; hasPickles?: boolean } | undefined {
  const weights = files.flatMap((file) => {
    const found = WEIGHT_FILE.exec(file.path.split('/').at(-1)!)?.groups;
    if (found === undefined) return [];
    const { base = '', variant = '', ending = '' } = found;
    return [{ file, base, variant, ending }];
  });
  for (const ending of ['safetensors', 'bin']) {
    const group = weights.filter((one) => one.ending === ending && !isOther(one.base));
    const variant = VARIANTS[precision].find((name) => group.some((one) => one.variant === name));
    if (variant === undefined) continue;
    const indexes = files.filter(({ path }) => {
      const found = SHARD_INDEX.exec(path);
      return found !== null && found[1] === ending && (found.groups?.['variant'] ?? '') === variant;
    });
    // Where a file and its shards are both there, one of them is enough.
    const wanted = group.filter((one) => one.variant === variant);
    const single = wanted.filter(({ file }) => !/-\d{5}-of-\d{5}\./.test(file.path));
    return {
      files:
        single.length > 0 ? single.map(({ file }) => file) : [...wanted.map(({ file }) => file), ...indexes],
      ...(ending === 'bin' && { hasPickles: true }),
    };
  }
  return undefined;
}

/** Weights of other frameworks under the same ending, and optimizers of a training. */
const isOther = (base: string) =>
  /^(tf_model|flax_model|openvino|optimizer|scheduler|training_args|rng_state)/.test(base);

/**
 * Of a repository without a pipeline: its one weight file.
 * @throws DarkroomError('bad_request') that names the files where there are several, ('unsupported') where there is none
 */
export function chooseSingleFile(
  files: readonly HubFile[],
  page: string,
  precision: Wish['precision'],
): string {
  const weights = files.filter(({ path }) => WEIGHTS.test(path));
  const tensors = weights.filter(({ path }) => path.endsWith('.safetensors'));
  const candidates = tensors.length > 0 ? tensors : weights;
  if (candidates.length === 1) return candidates[0]!.path;
  const top = candidates.filter(({ path }) => !path.includes('/'));
  if (top.length === 1) return top[0]!.path;
  const halves =
    precision === 'float16' ? top.filter(({ path }) => /[._-](fp16|pruned)[._-]/i.test(path)) : [];
  if (halves.length === 1) return halves[0]!.path;
  if (candidates.length === 0) {
    throw new DarkroomError('unsupported', sentence('download.no_model', { page }));
  }
  const names = candidates.slice(0, 8).map(({ path }) => `${page}/blob/main/${path}`);
  const more = candidates.length > names.length ? ` and ${candidates.length - names.length} more` : '';
  throw new DarkroomError(
    'bad_request',
    `${page} has ${candidates.length} models. Name one: ${names.join(' ')}${more}`,
  );
}
