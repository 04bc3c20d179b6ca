/**
 * Progress on stderr: one bar that moves on a terminal, a line every few steps elsewhere, or a JSON object a line for other
 * programs.
 */
import { describeBytes } from '../download/units.ts';
import type { Loading } from '../job.ts';
import { sayWords } from '../sentences.ts';

/** Values of --progress. */
export const PROGRESS_STYLES = ['auto', 'plain', 'json', 'none'] as const;
export type ProgressStyle = (typeof PROGRESS_STYLES)[number];

/** A line of `--progress json`. */
type ProgressEvent =
  | {
      readonly event: 'loading';
      readonly model: string;
      readonly opened_bytes: number;
      readonly total_bytes: number;
    }
  | ({ readonly event: 'picture' } & PictureOfSeveral)
  | {
      readonly event: 'step';
      readonly step: number;
      readonly steps: number;
      readonly eta_seconds: number;
    };

interface PictureOfSeveral {
  /** From 1. */
  readonly picture: number;
  readonly pictures: number;
  /** What it differs in. */
  readonly label: string;
}

interface ProgressView {
  /** Of a large model that is being opened. @param model its name */
  load(model: string, loading: Loading): void;
  /** Takes those words off the terminal. */
  loaded(): void;
  show(step: number, steps: number): void;
  /** Ends the bar's line. */
  end(): void;
}

/** Where progress is written. */
interface ProgressOutput {
  readonly isTTY?: boolean;
  /** Of a terminal; it changes with the window. */
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR = { longest: 28, shortest: 4 };
/** A terminal that does not tell its width. */
const USUAL_COLUMNS = 80;

export function createProgress(choice: ProgressStyle, output: ProgressOutput): ProgressView {
  const style = choice === 'auto' ? (output.isTTY === true ? 'bar' : 'plain') : choice;
  const tell = (event: ProgressEvent) => output.write(`${JSON.stringify(event)}\n`);
  const started = performance.now();
  let isDrawn = false;
  let lastLoad = Number.NEGATIVE_INFINITY;
  return {
    load(model, { opened, total }) {
      if (style === 'json') tell({ event: 'loading', model, opened_bytes: opened, total_bytes: total });
      const now = performance.now();
      const isQuiet = style === 'json' || style === 'none';
      if (isQuiet || now - lastLoad < (style === 'bar' ? BYTES_EVERY.bar : BYTES_EVERY.line)) return;
      lastLoad = now;
      const words = `Loading ${model}, ${gigabytes(opened)} of ${gigabytes(total)} GB`;
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
      if (style === 'json') {
        tell({ event: 'step', step, steps, eta_seconds: Math.round(left * 10) / 10 });
        return;
      }
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

/** Before each picture of a sweep. */
export function tellPicture(
  choice: ProgressStyle,
  picture: PictureOfSeveral,
  output: Pick<ProgressOutput, 'write'>,
): void {
  if (choice === 'none') return;
  const event: ProgressEvent = { event: 'picture', ...picture };
  const words = `Picture ${picture.picture} of ${picture.pictures}: ${picture.label}`;
  output.write(`${choice === 'json' ? JSON.stringify(event) : words}\n`);
}

const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);

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
