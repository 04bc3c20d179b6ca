/** Reading request bodies: bounded in bytes and in time, and counted while they are under way. */
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { DarkroomError } from '../../../src/errors.ts';
import { sentence } from '../../../src/sentences.ts';
import { HttpRefusal } from './refusal.ts';

export interface BodyLimits {
  readonly bytes: number;
  /** Milliseconds without a byte, and in all, after which a body that is not finished is given up. */
  readonly idleMs: number;
  readonly totalMs: number;
}

const PIECE = 8 * 1024;

/**
 * Passes the body on until a limit is reached. Then it fails with a DarkroomError: 'too_large', or 'bad_request' for a body that stopped.
 * @param onBytes called with the size of each part; what it throws ends the body
 */
export function boundedBody(
  request: IncomingMessage,
  { bytes, idleMs, totalMs }: BodyLimits,
  onBytes: (count: number) => void = () => {},
): Transform {
  let received = 0;
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      idle.refresh();
      try {
        if (received > bytes) throw tooLarge(bytes);
        onBytes(chunk.length);
        // In small pieces, so that a reader who gives up does so early.
        for (let at = 0; at < chunk.length; at += PIECE) body.push(chunk.subarray(at, at + PIECE));
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const giveUp = () => body.destroy(stopped());
  const idle = setTimeout(giveUp, idleMs);
  const total = setTimeout(giveUp, totalMs);
  const onAborted = () => {
    if (!request.readableEnded) body.destroy(stopped());
  };
  request.once('close', onAborted);
  const finish = () => {
    clearTimeout(idle);
    clearTimeout(total);
    request.off('close', onAborted);
    // What is left of the body is not read here; the server drops it with the connection.
    request.unpipe(body);
  };
  body.once('close', finish);
  body.once('end', finish);
  request.pipe(body);
  return body;
}

/** @throws DarkroomError('too_large') for a body that says itself that it is too long, before any of it is read */
export function requireLength(request: IncomingMessage, bytes: number): void {
  if (Number(request.headers['content-length'] ?? 0) > bytes) throw tooLarge(bytes);
}

/** A small body, in memory. */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  requireLength(request, limits.bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of boundedBody(request, limits)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const stopped = () => new HttpRefusal(408, 'bad_request', sentence('web.upload_stopped'));

function tooLarge(bytes: number): DarkroomError {
  const limit =
    bytes < 1024 * 1024 ? `${Math.floor(bytes / 1024)} KB` : `${Math.floor(bytes / 1024 / 1024)} MB`;
  return new DarkroomError('too_large', sentence('web.message_too_large', { limit }));
}

/** How many bodies are under way, in all and for each key. */
export class OpenBodies {
  readonly #limits: { readonly perKey: number; readonly total: number };
  readonly #open = new Map<string, number>();
  #total = 0;

  constructor(limits: { readonly perKey: number; readonly total: number }) {
    this.#limits = limits;
  }

  /**
   * @returns call it when that body has ended
   * @throws DarkroomError('too_many')
   */
  enter(key: string): () => void {
    const open = this.#open.get(key) ?? 0;
    const { perKey, total } = this.#limits;
    if (open >= perKey || this.#total >= total) {
      throw new DarkroomError(
        'too_many',
        open >= perKey ? sentence('web.uploads_open', { count: open }) : sentence('web.uploads_full'),
      );
    }
    this.#open.set(key, open + 1);
    this.#total += 1;
    return () => {
      const left = (this.#open.get(key) ?? 1) - 1;
      if (left === 0) this.#open.delete(key);
      else this.#open.set(key, left);
      this.#total -= 1;
    };
  }
}
