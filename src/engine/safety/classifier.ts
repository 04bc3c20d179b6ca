/**
 * A classifier of the operator's: an ONNX model, and a JSON file of the same name beside it that says what the model takes
 * and what its classes are.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { decodeText } from '../../decode-text.ts';
import { DarkroomError } from '../../errors.ts';
import { detectorInput } from '../../image/detector.ts';
import type { Finding } from '../../job.ts';
import { sentence } from '../../sentences.ts';
import type { Device } from '../device.ts';
import { openSession, type Session } from '../session.ts';
import type { PictureCheck } from './checker.ts';

const side = z.int().min(8).max(4096);
const three = z.tuple([z.number(), z.number(), z.number()]);

const schema = z.strictObject({
  /** Pixels of the model's input, over which a picture is stretched. */
  width: side,
  height: side,
  /** Per channel (red, green, blue) the mean that is subtracted from levels of 0 to 1, and the divisor. */
  mean: three.default([0, 0, 0]),
  std: three.refine((values) => !values.includes(0), 'must not be 0').default([1, 1, 1]),
  /** [1, 3, height, width], or [1, height, width, 3]. */
  layout: z.enum(['nchw', 'nhwc']).default('nchw'),
  /** Names of the model's input and output; the first of each where left out. */
  input: z.string().optional(),
  output: z.string().optional(),
  /** What the output's numbers are: probabilities, or what softmax or sigmoid makes probabilities of. */
  gives: z.enum(['probabilities', 'logits', 'independent_logits']).default('probabilities'),
  /** In the order of the output. */
  classes: z.array(z.string().min(1).max(60)).min(1).max(1000),
  /** From which probability on a class is flagged; classes that are not named are harmless. */
  flag: z.record(z.string(), z.number().gt(0).max(1)),
});
type ClassifierCard = z.infer<typeof schema>;

/** Bytes of the JSON file. */
const MOST_CARD = 100_000;
/** Of an ONNX file that is read whole. */
const MOST_MODEL = 2_000_000_000;

/**
 * Reads the JSON beside a classifier.
 * @throws DarkroomError('misconfigured') naming the file and the field
 */
export async function readClassifierCard(file: string): Promise<ClassifierCard> {
  const beside = file.replace(/\.onnx$/i, '.json');
  const refuse = (what: string, cause?: unknown) =>
    new DarkroomError('misconfigured', `DARKROOM_CLASSIFIER: ${beside} ${what}.`, { cause });
  if (beside === file)
    throw new DarkroomError(
      'misconfigured',
      `DARKROOM_CLASSIFIER: ${file} is neither a file that ends in .onnx nor a folder with a safety_checker.`,
    );
  const size = await stat(beside).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined) throw refuse('is missing; docs/moderation.md says what it holds');
  if (size > MOST_CARD) throw refuse(`has ${size} bytes; the limit is ${MOST_CARD}`);
  let json: unknown;
  try {
    json = JSON.parse(decodeText(await readFile(beside)));
  } catch (cause) {
    throw refuse('is not JSON', cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw refuse(`${path.length > 0 ? `has a wrong ${path.join('.')}` : 'cannot be used'}: ${message}`);
  }
  const stray = Object.keys(parsed.data.flag).find((name) => !parsed.data.classes.includes(name));
  if (stray !== undefined) throw refuse(`flags ${stray}, which is none of its classes`);
  if (Object.keys(parsed.data.flag).length === 0) throw refuse('flags no class');
  return parsed.data;
}

/** @throws DarkroomError('misconfigured') for files that cannot be used */
export async function openClassifier(file: string, device: Device): Promise<PictureCheck> {
  const card = await readClassifierCard(file);
  const session = await open(file, device);
  try {
    const { input = session.inputNames[0]!, output = session.outputNames[0]! } = card;
    for (const [field, name, names] of [
      ['input', input, session.inputNames],
      ['output', output, session.outputNames],
    ] as const) {
      if (names.includes(name)) continue;
      throw new DarkroomError(
        'misconfigured',
        `DARKROOM_CLASSIFIER: the JSON beside ${file} names the ${field} ${name}; the model has ${names.join(', ')}.`,
      );
    }
    const look: PictureCheck['look'] = async (picture) => {
      const { width, height, mean, std } = card;
      const planes = detectorInput(picture, { width, height, mean, std });
      const answer = await session.run({ [input]: card.layout === 'nchw' ? planes : lastOf(planes) }, [
        output,
      ]);
      return findingOf(answer[output]!.data, card);
    };
    // A model that takes other pictures than its JSON says is found before the first real one.
    await look({ data: new Uint8Array(3), width: 1, height: 1, channels: 3 }).catch((cause: unknown) => {
      throw new DarkroomError(
        'misconfigured',
        `DARKROOM_CLASSIFIER: ${file} does not run as the JSON beside it says (${card.width}x${card.height}, ${card.layout}, ${card.classes.length} classes).`,
        { cause },
      );
    });
    return { bytes: (await stat(file)).size, look, close: () => session.close() };
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function open(file: string, device: Device): Promise<Session> {
  const refuse = (what: string, cause?: unknown) =>
    new DarkroomError('misconfigured', `DARKROOM_CLASSIFIER: ${file} ${what}.`, { cause });
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) throw refuse('is not there');
  if (found.size > MOST_MODEL) throw refuse(`has ${found.size} bytes; the limit is ${MOST_MODEL}`);
  const bytes = await readFile(file);
  return openSession({ bytes, folder: dirname(file) }, device).catch((cause: unknown) => {
    throw refuse('could not be loaded: it is no ONNX model, or one that onnxruntime does not run', cause);
  });
}

/** [1, 3, h, w] as [1, h, w, 3] */
function lastOf({ data, dims }: { readonly data: Float32Array; readonly dims: readonly number[] }) {
  const [, , height, width] = dims as [number, number, number, number];
  const plane = height * width;
  const last = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) last[(i % plane) * 3 + Math.floor(i / plane)] = data[i]!;
  return { data: last, dims: [1, height, width, 3] };
}

/** @throws DarkroomError('engine_failed') for numbers that are no probabilities of these classes */
function findingOf(answer: Float32Array, { gives, classes, flag }: ClassifierCard): Finding {
  const numbers = Array.from(answer);
  const most = Math.max(...numbers);
  const powers = numbers.map((one) => Math.exp(one - most));
  const sum = powers.reduce((total, one) => total + one, 0);
  const probabilities =
    gives === 'probabilities'
      ? numbers
      : gives === 'logits'
        ? powers.map((one) => one / sum)
        : numbers.map((one) => 1 / (1 + Math.exp(-one)));
  const isWrong = probabilities.some((one) => !(one >= -1e-3 && one <= 1.001));
  if (probabilities.length !== classes.length || isWrong)
    throw new DarkroomError('engine_failed', sentence('moderation.unchecked'));
  const flagged = classes.flatMap((label, i) =>
    Object.hasOwn(flag, label)
      ? [{ label, score: probabilities[i]!, above: probabilities[i]! - flag[label]! }]
      : [],
  );
  const worst = flagged.reduce((a, b) => (b.above > a.above ? b : a));
  return { isFlagged: worst.above >= 0, label: worst.label, score: Math.round(worst.score * 1000) / 1000 };
}
