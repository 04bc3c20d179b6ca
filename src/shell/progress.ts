/** Progress on stderr: one bar that moves on a terminal, a line every few steps elsewhere. */

export type ProgressStyle = 'bar' | 'plain' | 'none';

export interface ProgressView {
  show(step: number, steps: number): void;
  /** Ends the bar's line. */
  end(): void;
}

const WIDTH = 28;

/** @param choice --progress: auto, plain or none */
export function createProgress(
  choice: string,
  terminal: boolean,
  write: (text: string) => void,
): ProgressView {
  const style: ProgressStyle = choice === 'none' ? 'none' : choice === 'auto' && terminal ? 'bar' : 'plain';
  const started = performance.now();
  let drawn = false;
  return {
    show(step, steps) {
      if (style === 'none') return;
      const left = ((performance.now() - started) / 1000 / step) * (steps - step);
      const words = `step ${step} of ${steps}, ${left.toFixed(1)} s left`;
      if (style === 'plain') {
        if (step === steps || step % 5 === 0) write(`${words}\n`);
        return;
      }
      const filled = Math.round((WIDTH * step) / steps);
      write(`\r${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${words}\x1b[K`);
      drawn = true;
    },
    end() {
      if (drawn) write('\n');
    },
  };
}
