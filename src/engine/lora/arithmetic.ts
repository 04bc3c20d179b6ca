/** Matrices in onnxruntime: plain loops would take minutes over the layers of SDXL. */
import { GraphBuilder } from '../../graph/builder.ts';
import type { StoredTensor } from '../../graph/component.ts';
import type { Matrix } from '../../models/lora/delta.ts';
import { cpuDevice, type Device } from '../device.ts';
import { openSession, type Session } from '../session.ts';

/** Multiplies on the CPU, in float32, whatever the models run on. */
export class Multiplier {
  readonly #device: Device;
  #session: Promise<Session> | undefined;

  constructor({ threads }: Pick<Device, 'threads'>) {
    this.#device = cpuDevice({ threads });
  }

  async multiply(left: Matrix, right: Matrix): Promise<Matrix> {
    this.#session ??= openSession(productGraph(), this.#device);
    const feeds = {
      left: { data: left.data, dims: [left.rows, left.columns] },
      right: { data: right.data, dims: [right.rows, right.columns] },
    };
    const { product } = await (await this.#session).run(feeds, ['product']);
    return { data: product.data, rows: left.rows, columns: right.columns };
  }

  async close(): Promise<void> {
    await (await this.#session)?.close();
  }
}

/** The numbers of a weight that lies in blocks, read out by the operators that read it out in its own graph. */
export async function readBlocks(
  stored: StoredTensor,
  { threads }: Pick<Device, 'threads'>,
): Promise<Float32Array> {
  const b = new GraphBuilder('blocks', {
    configFile: stored.file,
    config: {},
    tensors: new Map([[stored.name, stored]]),
  });
  b.output('numbers', b.weight(stored.name, stored.shape), stored.shape);
  const session = await openSession(b.finish(), cpuDevice({ threads }));
  try {
    return (await session.run({}, ['numbers'])).numbers.data;
  } finally {
    await session.close();
  }
}

function productGraph() {
  const b = new GraphBuilder('product', { configFile: '', config: {}, tensors: new Map() });
  const left = b.input('left', 'float', ['rows', 'inner']);
  const right = b.input('right', 'float', ['inner', 'columns']);
  b.output('product', b.op('MatMul', [left, right]), ['rows', 'columns']);
  return b.finish();
}
