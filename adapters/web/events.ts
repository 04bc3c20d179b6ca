/** Server-sent events: each numbered, kept for a while, and sent again from where a reader was cut off. */

export interface ChatEvent {
  readonly name: 'message' | 'job' | 'removed';
  readonly data: unknown;
  /** The one user who may see it; everyone where absent. */
  readonly reader?: string;
}

/** Events that a reader who was away can still have. */
const KEPT_EVENTS = 500;
/** Bytes that wait for a slow reader before it is cut off; it resumes when it can. */
const MOST_WAITING = 4 * 1024 * 1024;
const HEARTBEAT_MS = 15_000;

interface Reader {
  readonly user: string;
  send(text: string): void;
  close(): void;
}

interface Numbered extends ChatEvent {
  readonly number: number;
}

export class EventHub {
  readonly #readers = new Set<Reader>();
  readonly #kept: Numbered[] = [];
  /** Tells the numbers of this process from those of the last one. */
  readonly #epoch = Date.now().toString(36);
  #number = 0;
  readonly #heartbeat: NodeJS.Timeout;

  /** @param heartbeatMs so that proxies keep a silent stream, and a dead reader is found out */
  constructor(heartbeatMs: number = HEARTBEAT_MS) {
    this.#heartbeat = setInterval(() => {
      for (const reader of this.#readers) reader.send(': here\n\n');
    }, heartbeatMs);
    this.#heartbeat.unref();
  }

  get readers(): number {
    return this.#readers.size;
  }

  publish(event: ChatEvent): void {
    this.#number += 1;
    const numbered = { ...event, number: this.#number };
    this.#kept.push(numbered);
    if (this.#kept.length > KEPT_EVENTS) this.#kept.shift();
    const text = this.#format(numbered);
    for (const reader of this.#readers) if (maySee(reader.user, event)) reader.send(text);
  }

  /**
   * @param lastEventId as the reader sent it; what came after it is sent first. Where that is not kept any
   *   more, the event `reset` says that the conversation must be read anew
   */
  open(user: string, lastEventId: string | undefined): Response {
    const encoder = new TextEncoder();
    let reader: Reader | undefined;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          reader = {
            user,
            send: (text) => {
              controller.enqueue(encoder.encode(text));
              if ((controller.desiredSize ?? 0) < 0) reader?.close();
            },
            close: () => {
              if (reader && this.#readers.delete(reader)) controller.close();
            },
          };
          this.#readers.add(reader);
          reader.send('retry: 1000\n\n');
          if (lastEventId !== undefined) this.#replay(reader, lastEventId);
        },
        cancel: () => {
          if (reader) this.#readers.delete(reader);
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING }),
    );
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    });
  }

  /** Has every reader read the conversation anew: changes of it may have been missed. */
  reset(): void {
    this.#kept.length = 0;
    this.#number += 1;
    for (const reader of this.#readers) reader.send(this.#formatReset());
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
      reader.send(this.#formatReset());
      return;
    }
    for (const event of this.#kept) {
      if (event.number > last && maySee(reader.user, event)) reader.send(this.#format(event));
    }
  }

  #formatReset(): string {
    return `id: ${this.#epoch}-${this.#number}\nevent: reset\ndata: {}\n\n`;
  }

  #format({ number, name, data }: Numbered): string {
    return `id: ${this.#epoch}-${number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  }
}

const maySee = (user: string, { reader }: ChatEvent) => reader === undefined || reader === user;
