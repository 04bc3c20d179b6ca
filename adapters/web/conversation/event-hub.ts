/** Server-sent events: each has a number and is kept for a while, so that a reader can resume after a cut. */

export interface ChatEvent {
  readonly name: 'message' | 'job' | 'removed';
  readonly data: unknown;
  /** The only user who may see it; everyone where absent. */
  readonly reader?: string;
}

/** Events that a reader can resume from. */
const KEPT_EVENTS = 500;
/** Bytes that may wait for a slow reader before it is disconnected; it resumes when it can. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const HEARTBEAT_MS = 15_000;

interface Reader {
  readonly user: string;
  send(bytes: Uint8Array): void;
  close(): void;
}

interface KeptEvent {
  readonly number: number;
  readonly reader: string | undefined;
  readonly bytes: Uint8Array;
}

export class EventHub {
  readonly #readers = new Set<Reader>();
  readonly #kept: KeptEvent[] = [];
  /** Distinguishes the numbers of this process from those of an earlier one. */
  readonly #epoch = Date.now().toString(36);
  #number = 0;
  readonly #heartbeat: NodeJS.Timeout;

  /** @param heartbeatMs keeps silent streams open in proxies, and finds readers whose connection is dead */
  constructor(heartbeatMs: number = HEARTBEAT_MS) {
    const bytes = encode(': heartbeat\n\n');
    this.#heartbeat = setInterval(() => {
      for (const reader of this.#readers) reader.send(bytes);
    }, heartbeatMs);
    this.#heartbeat.unref();
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** The event is encoded once for all of its readers. */
  publish({ name, data, reader: only }: ChatEvent): void {
    this.#number += 1;
    const bytes = encode(`${this.#idLine()}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    this.#kept.push({ number: this.#number, reader: only, bytes });
    if (this.#kept.length > KEPT_EVENTS) this.#kept.shift();
    for (const reader of this.#readers) if (maySee(reader.user, only)) reader.send(bytes);
  }

  /**
   * A stream of events for one reader.
   * @param lastEventId as the reader sent it: the events after it are sent first. If they are no longer kept,
   *   the event `reset` says that the conversation must be loaded again
   */
  open(user: string, lastEventId: string | undefined): Response {
    let reader: Reader | undefined;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          reader = {
            user,
            send: (bytes) => {
              controller.enqueue(bytes);
              if ((controller.desiredSize ?? 0) < 0) reader?.close();
            },
            close: () => {
              if (reader && this.#readers.delete(reader)) controller.close();
            },
          };
          this.#readers.add(reader);
          reader.send(encode('retry: 1000\n\n'));
          if (lastEventId !== undefined) this.#replay(reader, lastEventId);
        },
        cancel: () => {
          if (reader) this.#readers.delete(reader);
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
    );
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    });
  }

  /** Makes every reader load the conversation again: changes may have been missed. */
  reset(): void {
    this.#kept.length = 0;
    this.#number += 1;
    const bytes = this.#encodeReset();
    for (const reader of this.#readers) reader.send(bytes);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const reader of this.#readers) reader.close();
  }

  #replay(reader: Reader, lastEventId: string): void {
    const [epoch, digits] = lastEventId.split('-');
    const last = Number(digits);
    const oldest = this.#kept[0]?.number ?? this.#number + 1;
    if (epoch !== this.#epoch || !(last >= oldest - 1 && last <= this.#number)) {
      reader.send(this.#encodeReset());
      return;
    }
    for (const { number, reader: only, bytes } of this.#kept) {
      if (number > last && maySee(reader.user, only)) reader.send(bytes);
    }
  }

  #encodeReset(): Uint8Array {
    return encode(`${this.#idLine()}event: reset\ndata: {}\n\n`);
  }

  #idLine(): string {
    return `id: ${this.#epoch}-${this.#number}\n`;
  }
}

const encoder = new TextEncoder();
const encode = (text: string): Uint8Array => encoder.encode(text);
const maySee = (user: string, only: string | undefined) => only === undefined || only === user;
