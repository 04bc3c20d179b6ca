/** GGUF files made to order (github.com/ggml-org/ggml docs/gguf.md). */

interface ForgedGguf {
  /** Texts, whole numbers, or lists of whole numbers of 32 bits. */
  readonly values?: Readonly<Record<string, string | number | readonly number[]>>;
  /** ggml's number of a type, sides in ggml's order, and how many bytes follow. */
  readonly tensors?: readonly (readonly [
    name: string,
    type: number,
    sides: readonly number[],
    bytes: number,
  ])[];
}

const [UINT32, INT32, TEXT, LIST] = [4, 5, 8, 9] as const;
const ALIGNMENT = 32;

export function gguf({ values = {}, tensors = [] }: ForgedGguf): Buffer {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
  const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  const pairs = Object.entries(values).map(([key, value]) =>
    Buffer.concat([
      text(key),
      ...(typeof value === 'string'
        ? [u32(TEXT), text(value)]
        : typeof value === 'number'
          ? [u32(UINT32), u32(value)]
          : [u32(LIST), u32(INT32), u64(value.length), ...value.map(u32)]),
    ]),
  );
  let at = 0;
  const entries = tensors.map(([name, type, sides, bytes]) => {
    const entry = [text(name), u32(sides.length), ...sides.map(u64), u32(type), u64(at)];
    at += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return Buffer.concat(entry);
  });
  const counts = [u64(tensors.length), u64(pairs.length)];
  const header = Buffer.concat([Buffer.from('GGUF'), u32(3), ...counts, ...pairs, ...entries]);
  return Buffer.concat([header, Buffer.alloc(-header.length & (ALIGNMENT - 1)), Buffer.alloc(at)]);
}
