/** The NVIDIA cards of this machine, as the driver lists them. */
import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';

export interface Card {
  /** As CUDA counts under CARD_ORDER, within CUDA_VISIBLE_DEVICES where that is set. */
  readonly index: number;
  readonly name: string;
  /** Bytes. */
  readonly memory: number;
  /** Bytes that no program has taken. */
  readonly free: number;
  /** Major number of its compute capability: 9 is Hopper, 10 and 12 are Blackwell; 0 where an old driver does not say. */
  readonly generation: number;
}

/** CUDA counts the fastest card first unless told otherwise; nvidia-smi counts by their places on the bus. */
export const CARD_ORDER = { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };

/** Milliseconds that the driver may take to answer. */
const PATIENCE = 10_000;
/** Milliseconds for which a driver that did not answer is not asked again: each plan of memory would wait for it. */
const SILENCE = 60_000;
const MEBIBYTE = 2 ** 20;

const QUERY = [
  '--query-gpu=index,uuid,name,memory.total,memory.free,compute_cap',
  '--format=csv,noheader,nounits',
];

let asking: Promise<string | undefined> | undefined;
let silentUntil = 0;

/**
 * Empty where there is no card, or no driver that answers. Calls at the same time share one answer.
 * @param patience milliseconds
 */
export async function listCards(patience = PATIENCE): Promise<Card[]> {
  if (performance.now() < silentUntil) return [];
  asking ??= askDriver(patience).finally(() => {
    asking = undefined;
  });
  const text = await asking;
  if (text === undefined) return [];
  const all = text.split('\n').flatMap((line) => {
    const [place, uuid, name, total, free, capability] = line.split(',').map((cell) => cell.trim());
    const memory = Number(total) * MEBIBYTE;
    if (name === undefined || !(memory > 0)) return [];
    const left = Number(free) * MEBIBYTE;
    const generation = Number.parseInt(capability ?? '', 10);
    return [
      {
        ...{ place: place!, uuid: uuid!, name, memory },
        free: Number.isFinite(left) ? left : memory,
        generation: Number.isFinite(generation) ? generation : 0,
      },
    ];
  });
  return visible(all, process.env['CUDA_VISIBLE_DEVICES']).map(({ place: _, uuid: __, ...card }, index) => ({
    ...card,
    index,
  }));
}

/** @returns undefined where it fails, or does not answer in time */
function askDriver(patience: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = execFile('nvidia-smi', QUERY, (error, text) => {
      clearTimeout(timer);
      resolve(error === null ? text : undefined);
    });
    const timer = setTimeout(() => {
      silentUntil = performance.now() + SILENCE;
      // In a driver that hangs it cannot even be killed: nothing waits for its end, nor for that of its children.
      child.kill('SIGKILL');
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      resolve(undefined);
    }, patience);
  });
}

/** CUDA numbers only those that the variable names, in its order; the first name that is none ends the list. */
function visible<One extends { readonly place: string; readonly uuid: string }>(
  all: readonly One[],
  names: string | undefined,
): readonly One[] {
  if (names === undefined) return all;
  const found: One[] = [];
  for (const name of names.split(',').map((one) => one.trim())) {
    const card = all.find(
      ({ place, uuid }) => place === name || (name.startsWith('GPU-') && uuid.startsWith(name)),
    );
    if (card === undefined) break;
    found.push(card);
  }
  return found;
}
