/** Progress on stderr: one bar that moves on a terminal, a line every few steps elsewhere. */
import { describeBytes } from '../download/units.ts';
import { sayWords } from '../sentences.ts';

export type ProgressStyle = 'bar' | 'plain' | 'none';

export interface ProgressView {
  /** Of a large model that is being opened. @param words what of it is open */
  load(words: string): void;
  /** Takes those words off the terminal. */
  loaded(): void;
  show(step: number, steps: number): void;
  /** Ends the bar's line. */
  end(): void;
}

/** Where progress is written. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  /** Of a terminal; it changes with the window. */
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR = { longest: 28, shortest: 4 };
/** A terminal that does not tell its width. */
const USUAL_COLUMNS = 80;

/** @param choice --progress: auto, plain or none */
export function createProgress(choice: string, output: ProgressOutput): ProgressView {
  const isTerminal = output.isTTY === true;
  const style: ProgressStyle = choice === 'none' ? 'none' : choice === 'auto' && isTerminal ? 'bar' : 'plain';
  const started = performance.now();
  let isDrawn = false;
  let lastLoad = Number.NEGATIVE_INFINITY;
  return {
    load(words) {
      const now = performance.now();
      if (style === 'none' || now - lastLoad < (style === 'bar' ? BYTES_EVERY.bar : BYTES_EVERY.line)) return;
      lastLoad = now;
      if (style === 'plain') output.write(`${words}\n`);
      else output.write(`\r${words.slice(0, (output.columns || USUAL_COLUMNS) - 1)}\x1b[K`);
      isDrawn ||= style === 'bar';
    },
    loaded() {
      if (isDrawn) output.write('\r\x1b[K');
      isDrawn = false;
    },
    show(step, steps) {
      if (style === 'none') return;
      const left = ((performance.now() - started) / 1000 / step) * (steps - step);
      const words = `step ${step} of ${steps}, ${left.toFixed(1)} s left`;
      if (style === 'plain') {
        if (step === steps || step % 5 === 0) output.write(`${words}\n`);
        return;
      }
      // The last column stays free: a full line would begin a new one.
      const columns = (output.columns || USUAL_COLUMNS) - 1;
      output.write(`\r${barLine(step / steps, words, columns)}\x1b[K`);
      isDrawn = true;
    },
    end() {
      if (isDrawn) output.write('\n');
    },
  };
}

/** Milliseconds between two states of a bar, and between two lines where there is none. */
const BYTES_EVERY = { bar: 200, line: 10_000 };

/** Of a download: bytes, rate and time left. */
export function createByteProgress(output: ProgressOutput): Pick<ProgressView, 'show' | 'end'> {
  const isTerminal = output.isTTY === true;
  const started = performance.now();
  let first: number | undefined;
  let last = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  return {
    show(bytes, total) {
      const now = performance.now();
      first ??= bytes;
      if (now - last < (isTerminal ? BYTES_EVERY.bar : BYTES_EVERY.line) && bytes < total) return;
      last = now;
      const words = sayWords(
        'en',
        describeBytes(bytes, total, { seconds: (now - started) / 1000, since: first }),
      );
      const columns = (output.columns || USUAL_COLUMNS) - 1;
      output.write(isTerminal ? `\r${barLine(bytes / total, words, columns)}\x1b[K` : `${words}\n`);
      isDrawn = isTerminal;
    },
    end() {
      if (isDrawn) output.write('\n');
    },
  };
}

/** As much of bar and words as fits: the bar shrinks first, then goes, then the words are cut. */
function barLine(share: number, words: string, columns: number): string {
  const length = Math.min(BAR.longest, columns - words.length - 1);
  if (length < BAR.shortest) return words.slice(0, columns);
  const filled = Math.round(length * share);
  return `${'█'.repeat(filled)}${'░'.repeat(length - filled)} ${words}`;
}
