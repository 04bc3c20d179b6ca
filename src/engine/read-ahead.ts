/**
 * Reads model files from their disk before they are mapped. From front to back a disk reads several times as fast as page by
 * page in the order of use, and only so can anybody say how far it is.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { freeMemory } from './free-memory.ts';

/** Bytes at a time. */
const PIECE = 8 * 2 ** 20;
/** How many places of a file show whether the system has it in memory, and bytes read at each. */
const SAMPLES = 16;
const SAMPLE = 65_536;
/** Milliseconds in which a sample comes from memory; a disk takes longer, but for the fastest ones, which need no help. */
const FROM_MEMORY_MS = 0.4;

interface ReadAheadOptions {
  readonly fromMemoryMs?: number;
  /** Bytes of memory that the system can fill with files. */
  readonly free?: () => Promise<number>;
}

/**
 * Brings files into the system's memory where they are not there yet and have room there. A file that cannot be read is left
 * to whoever opens it.
 * @param onRead is told the share of all bytes that has been read, above 0 and up to 1
 */
export async function readAhead(
  files: readonly string[],
  onRead: (share: number) => void,
  { fromMemoryMs = FROM_MEMORY_MS, free = freeMemory }: ReadAheadOptions = {},
): Promise<void> {
  const opened = await Promise.all(files.map((file) => open(file).catch(() => undefined)));
  const handles = opened.filter((handle) => handle !== undefined);
  try {
    const sizes = await Promise.all(handles.map(async (handle) => (await handle.stat()).size));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total > (await free())) return;
    let read = 0;
    const piece = Buffer.allocUnsafeSlow(PIECE);
    for (const [i, handle] of handles.entries()) {
      const size = sizes[i]!;
      if (await isInMemory(handle, size, piece, fromMemoryMs)) {
        read += size;
        continue;
      }
      for (let at = 0; at < size; at += PIECE) {
        const { bytesRead } = await handle.read(piece, 0, PIECE, at);
        // It became shorter: whoever opens it finds out.
        if (bytesRead === 0) break;
        read += bytesRead;
        onRead(Math.min(1, read / total));
      }
    }
  } catch {
    // As above.
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

/** The slower half of the samples decides: a part of the file may be in memory. */
async function isInMemory(
  handle: FileHandle,
  size: number,
  piece: Buffer,
  fromMemoryMs: number,
): Promise<boolean> {
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const started = performance.now();
    await handle.read(piece, 0, SAMPLE, Math.floor((size / SAMPLES) * i));
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  return times[SAMPLES / 2]! < fromMemoryMs;
}
