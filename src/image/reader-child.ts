/** The process that reads uploads: `reader-child.ts BYTES`, the memory at which it ends itself. */
import { getPriority, setPriority } from 'node:os';
import sharp from 'sharp';
import { describeError } from '../errors.ts';
import type { FromReader, ToReader } from './reader-protocol.ts';
import { readUpload } from './upload.ts';

/** Below the serving process, so that the chat answers while pictures are read. */
const NICENESS = 5;
/** Milliseconds between two looks at the memory: a decoder takes some tens of megabytes in between. */
const WATCH = 10;

const limit = Number(process.argv[2]);
setPriority(Math.min(19, getPriority() + NICENESS));
// Each further thread would hold rows of its own.
sharp.concurrency(1);

process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToReader) => void answer(message));

// The decoders run on threads of their own and do not hold this up. There is no gentler end: they cannot be stopped.
setInterval(() => {
  if (process.memoryUsage.rss() > limit) process.kill(process.pid, 'SIGKILL');
}, WATCH);

async function answer({ bytes, use, turned }: ToReader): Promise<void> {
  try {
    const upload = await readUpload(bytes, use, turned);
    send({ upload, isSpent: isSpent() });
  } catch (error) {
    const detail = error instanceof Error ? describeCause(error) : String(error);
    send({ error: { ...describeError(error), detail }, isSpent: isSpent() });
  }
}

/** Decoders do not give all memory back: what one file left must not count against the next. */
const isSpent = () => process.memoryUsage.rss() > limit / 2;

const describeCause = ({ message, cause }: Error): string =>
  cause instanceof Error ? `${message} (${describeCause(cause)})` : message;

function send(message: FromReader): void {
  process.send?.(message);
}
