/** The operator's log: JSON lines where a machine reads it, short plain lines on a terminal. */
import pino from 'pino';

export type Logger = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** @param level a pino level; `silent` says nothing */
export function createLogger(level: string, terminal: boolean): Logger {
  return terminal ? pino({ level }, { write: writePlain }) : pino({ level });
}

function writePlain(line: string): void {
  const { level, msg, err } = JSON.parse(line) as { level: number; msg?: string; err?: { message?: string } };
  const mark = level >= 50 ? 'error: ' : level >= 40 ? 'warning: ' : '';
  process.stdout.write(`${mark}${msg ?? ''}${err?.message === undefined ? '' : ` (${err.message})`}\n`);
}
