/** Server-sent events: each has a number and is kept for a while, so that a reader can resume after a cut. */
import { DarkroomError } from '../../../src/errors.ts';
import { sentence } from '../../../src/sentences.ts';

interface ChatEvent {
  readonly name: 'message' | 'job' | 'removed';
  readonly data: unknown;
  /** The only user who may see it; everyone where absent. */
  readonly reader?: string;
}

/** Events, and bytes of them, that a reader can resume from. */
const KEPT_EVENTS = 500;
const KEPT_BYTES = 8 * 1024 * 1024;
/** Bytes that may wait for a slow reader before it is disconnected; it resumes when it can. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const HEARTBEAT_MS = 15_000;

/** Who opens a stream. */
interface Subscriber {
  readonly user: string;
  /** Under which its streams are counted: a user may have many names, but not many network addresses. */
  readonly key: string;
}

interface EventLimits {
  readonly perKey: number;
  readonly total: number;
}

/** The tabs of a browser share one stream; a network may have many browsers. */
const LIMITS: EventLimits = { perKey: 100, total: 2000 };

interface Reader extends Subscriber {
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
  readonly #limits: EventLimits;
  readonly #kept: KeptEvent[] = [];
  #keptBytes = 0;
  /** Distinguishes the numbers of this process from those of an earlier one. */
  readonly #epoch = Date.now().toString(36);
  #number = 0;
  readonly #heartbeat: NodeJS.Timeout;

  /** @param heartbeatMs keeps silent streams open in proxies, and finds readers whose connection is dead */
  constructor(heartbeatMs: number = HEARTBEAT_MS, limits: EventLimits = LIMITS) {
    this.#limits = limits;
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
    this.#keep({ number: this.#number, reader: only, bytes });
    for (const reader of this.#readers) if (maySee(reader.user, only)) reader.send(bytes);
  }

  /**
   * A stream of events for one reader.
   * @param lastEventId as the reader sent it: the events after it are sent first. If they are no longer kept,
   *   the event `reset` says that the conversation must be loaded again
   * @returns the response, and what ends it when its connection is closed
   * @throws DarkroomError('too_many') for more streams than one network, or this process, may have
   */
  open(
    { user, key }: Subscriber,
    lastEventId: string | undefined,
  ): { response: Response; close: () => void } {
    this.#requireRoom(key);
    let reader: Reader | undefined;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          reader = {
            user,
            key,
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
    const response = new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    });
    return { response, close: () => reader?.close() };
  }

  /** Makes every reader load the conversation again: changes may have been missed. */
  reset(): void {
    this.#kept.length = 0;
    this.#keptBytes = 0;
    this.#number += 1;
    const bytes = this.#encodeReset();
    for (const reader of this.#readers) reader.send(bytes);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const reader of this.#readers) reader.close();
  }

  #keep(event: KeptEvent): void {
    this.#kept.push(event);
    this.#keptBytes += event.bytes.length;
    while (this.#kept.length > KEPT_EVENTS || this.#keptBytes > KEPT_BYTES) {
      this.#keptBytes -= this.#kept.shift()!.bytes.length;
    }
  }

  #requireRoom(key: string): void {
    const { perKey, total } = this.#limits;
    const own = [...this.#readers].filter((reader) => reader.key === key).length;
    if (own < perKey && this.#readers.size < total) return;
    throw new DarkroomError(
      'too_many',
      own < perKey ? sentence('web.chat_full') : sentence('web.open_windows', { count: own }),
    );
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
