/** Reads a binary header piece by piece, without ever holding more than a part of it. */
import type { FileHandle } from 'node:fs/promises';
import type { DarkroomError } from '../errors.ts';

/** Of one reading. */
const CHUNK = 1 << 20;
/** As of a safetensors header: a vocabulary of 150,000 words and its merges take 5 MB. */
const MAX_HEADER_BYTES = 100_000_000;

export class HeaderReader {
  readonly #handle: FileHandle;
  readonly #size: number;
  readonly #errors: { broken(reason: string): DarkroomError; ended(): DarkroomError };
  #chunk: Buffer = Buffer.alloc(0);
  /** Where the chunk begins in the file. */
  #first = 0;
  #at = 0;

  /** @param size of the file */
  constructor(
    handle: FileHandle,
    size: number,
    errors: { broken(reason: string): DarkroomError; ended(): DarkroomError },
  ) {
    this.#handle = handle;
    this.#size = size;
    this.#errors = errors;
  }

  /** Bytes from the file's beginning. */
  get at(): number {
    return this.#at;
  }

  async skip(bytes: number): Promise<void> {
    this.#need(bytes);
    this.#at += bytes;
  }

  async u32(): Promise<number> {
    return (await this.#take(4)).readUInt32LE();
  }

  /** @param what it is, as a sentence names it */
  async u64(what: string): Promise<number> {
    const value = (await this.#take(8)).readBigUInt64LE();
    if (value > Number.MAX_SAFE_INTEGER) throw this.#errors.broken(`${what} is ${value}`);
    return Number(value);
  }

  async count(what: string, most: number): Promise<number> {
    const value = (await this.#take(8)).readBigUInt64LE();
    if (value > most) throw this.#errors.broken(`it claims ${value} ${what}; ${most} is the limit`);
    return Number(value);
  }

  async text(what: string, longest: number): Promise<string> {
    const length = await this.u64(`the length of ${what}`);
    if (length > longest) throw this.#errors.broken(`${what} has ${length} bytes; ${longest} is the limit`);
    return (await this.#take(length)).toString('utf8');
  }

  /** @returns undefined for a longer one, which is passed over */
  async shortText(longest: number): Promise<string | undefined> {
    const length = await this.u64('the length of a text');
    if (length <= longest) return (await this.#take(length)).toString('utf8');
    await this.skip(length);
    return undefined;
  }

  /** A single value of GGUF's number types. */
  async number(type: number, bytes: number): Promise<number | bigint> {
    const taken = await this.#take(bytes);
    if (type === 6) return taken.readFloatLE();
    if (type === 12) return taken.readDoubleLE();
    if (bytes === 8) return type === 10 ? taken.readBigUInt64LE() : taken.readBigInt64LE();
    return [1, 3, 5].includes(type) ? taken.readIntLE(0, bytes) : taken.readUIntLE(0, bytes);
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#size) throw this.#errors.ended();
    if (this.#at + bytes > MAX_HEADER_BYTES) throw this.#errors.broken('its header is longer than 100 MB');
  }

  async #take(bytes: number): Promise<Buffer> {
    this.#need(bytes);
    if (this.#at < this.#first || this.#at + bytes > this.#first + this.#chunk.length) {
      const chunk = Buffer.alloc(Math.min(Math.max(CHUNK, bytes), this.#size - this.#at));
      const { bytesRead } = await this.#handle.read(chunk, 0, chunk.length, this.#at);
      if (bytesRead < bytes) throw this.#errors.ended();
      this.#chunk = chunk.subarray(0, bytesRead);
      this.#first = this.#at;
    }
    const start = this.#at - this.#first;
    this.#at += bytes;
    return this.#chunk.subarray(start, start + bytes);
  }
}
