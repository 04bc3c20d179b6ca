/** RRDBNet in a file: its names in three generations of ESRGAN's code, and what its shapes say of it. */
import type { RrdbConfig } from '../../graph/rrdb.ts';
import type { Tensors } from '../checkpoint/tensors.ts';

const COLOURS = 3;

/** Whether a file holds ESRGAN's network, under names of any generation. */
export const isRrdb = (tensors: Tensors): boolean =>
  ['model.1.sub.0.RDB1.conv1.0.weight', 'body.0.rdb1.conv1.weight', 'RRDB_trunk.0.RDB1.conv1.weight'].some(
    (name) => tensors.has(name),
  );

/** @returns the tensors under Real-ESRGAN's names; a name that is not known stays as it is */
export function withNewNames(tensors: Tensors): Tensors {
  const rename = tensors.has('model.0.weight') ? fromNumbers(tensors) : fromTrunk;
  return new Map(Array.from(tensors, ([name, stored]) => [rename(name), stored]));
}

/** ESRGAN's second generation, which BSRGAN has as well. */
const fromTrunk = (name: string): string =>
  name
    .replace(/^RRDB_trunk\.(\d+)\.RDB(\d)\./, 'body.$1.rdb$2.')
    .replace(/^trunk_conv\./, 'conv_body.')
    .replace(/^upconv(\d)\./, 'conv_up$1.')
    .replace(/^HRconv\./, 'conv_hr.');

/** ESRGAN's first generation: the layers of one sequence by their numbers, of which only some have weights. */
function fromNumbers(tensors: Tensors): (name: string) => string {
  const numbers = [...tensors.keys()].flatMap((name) => {
    const [, number] = /^model\.(\d+)\.weight$/.exec(name) ?? [];
    return number === undefined || number === '0' ? [] : [Number(number)];
  });
  const layers = numbers.sort((a, b) => a - b);
  const names = new Map(
    layers.map((number, i) => [
      String(number),
      i === layers.length - 1 ? 'conv_last' : i === layers.length - 2 ? 'conv_hr' : `conv_up${i + 1}`,
    ]),
  );
  return (name) =>
    name
      .replace(/^model\.1\.sub\.(\d+)\.RDB(\d)\.(conv\d)\.0\./, 'body.$1.rdb$2.$3.')
      .replace(/^model\.1\.sub\.(\d+)\.RDB(\d)\.conv1x1\./, 'body.$1.rdb$2.conv1x1.')
      .replace(/^model\.1\.sub\.\d+\.(weight|bias)$/, 'conv_body.$1')
      .replace(/^model\.0\./, 'conv_first.')
      .replace(/^model\.(\d+)\./, (whole, number: string) =>
        names.has(number) ? `${names.get(number)}.` : whole,
      );
}

/**
 * @param tensors with new names
 * @returns a sentence's end where the network does not read and write pictures in colour
 */
export function readRrdb(tensors: Tensors): RrdbConfig | string {
  const side = (name: string, axis: number) => tensors.get(name)?.shape[axis] ?? 0;
  const [outputs, inputs] = [side('conv_last.weight', 0), side('conv_first.weight', 1)];
  const fold = Math.sqrt(inputs / COLOURS);
  if (outputs !== COLOURS || ![1, 2, 4].includes(fold)) {
    return `it reads ${inputs} and writes ${outputs} channels, and pictures in colour have ${COLOURS}`;
  }
  const count = (pattern: RegExp) =>
    new Set([...tensors.keys()].flatMap((name) => pattern.exec(name)?.[1] ?? [])).size;
  const features = side('conv_first.weight', 0);
  return {
    features,
    growth: side('body.0.rdb1.conv1.weight', 0),
    blocks: count(/^body\.(\d+)\./),
    doublings: count(/^conv_up(\d)\.weight$/),
    shuffles: side('conv_up1.weight', 0) === 4 * features && features > 0,
    fold,
    shortcuts: tensors.has('body.0.rdb1.conv1x1.weight'),
  };
}
