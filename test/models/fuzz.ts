/**
 * Spoils model files, over and over. `npx node test/models/fuzz.ts [seconds]` reads spoilt files of each kind for that
 * long and stops at the first error that is not a sentence for people.
 */
import { writeFile } from 'node:fs/promises';

/** The same numbers each time (xorshift32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/**
 * Copies of a file with a few bytes changed, cut out, repeated or made extreme.
 * @param within how many bytes of its beginning are spoilt: the header, say
 */
export function* mutations(bytes: Buffer, count: number, seed = 1, within = bytes.length): Generator<Buffer> {
  const next = random(seed);
  for (let i = 0; i < count; i++) {
    let copy = Buffer.from(bytes);
    for (let changes = 1 + next(4); changes > 0 && copy.length > 0; changes--) {
      const at = next(Math.min(within, copy.length));
      switch (next(5)) {
        case 0:
          copy[at] = next(256);
          break;
        case 1:
          copy[at] = [0, 0xff, 0x7f, 0x80, 0x2e, 0x28][next(6)]!;
          break;
        case 2:
          copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + next(16))]);
          break;
        case 3:
          copy = Buffer.concat([copy.subarray(0, at + next(16)), copy.subarray(at)]);
          break;
        default:
          copy.fill(0xff, at, Math.min(copy.length, at + 8));
      }
    }
    yield copy;
  }
}

/** Of formats whose tensors lie behind their header, the header's length or what is surely part of it. */
function headerOf(bytes: Buffer): number {
  if (bytes.toString('latin1', 0, 4) === 'GGUF') return Math.min(bytes.length, 4096);
  const length = Number(bytes.readBigUInt64LE());
  return length < bytes.length ? 8 + length : bytes.length;
}

if (import.meta.main) {
  const { reading } = await import('./fuzz-reading.ts');
  const read = await reading();
  const { DarkroomError } = await import('../../src/errors.ts');
  const { SPOILT } = await import('./fuzz-files.ts');
  const seconds = Number(process.argv[2] ?? 60);
  const file = `${process.env['TMPDIR'] ?? '/tmp'}/darkroom-fuzz-${process.pid}.safetensors`;
  for (const [kind, bytes] of await SPOILT()) {
    const end = Date.now() + seconds * 1000;
    let [good, refused] = [0, 0];
    for (let seed = 1; Date.now() < end; seed++) {
      for (const copy of mutations(bytes, 100, seed, headerOf(bytes))) {
        await writeFile(file, copy);
        try {
          await read(file);
          good++;
        } catch (error) {
          if (!(error instanceof DarkroomError) || error.code === 'internal') throw error;
          refused++;
        }
      }
    }
    process.stdout.write(`${kind}: ${good} read, ${refused} refused\n`);
  }
}
