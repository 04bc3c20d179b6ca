/**
 * The operator's log: JSON lines where a machine reads it, short plain lines on a terminal. It holds no prompt, no
 * picture and no token: of an error it has what finds the cause, and nothing that a user wrote.
 */
import pino from 'pino';
import { DarkroomError, DatabaseAway, DiskFull, type ErrorCode } from './errors.ts';

export type Logger = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'>;

/**
 * @param level a pino level; `silent` writes nothing
 * @param write takes each line; standard output where absent
 */
export function createLogger(
  level: string,
  terminal: boolean,
  // Not pino's own stream, whose errors cannot be caught: a full disk must not end the process.
  write: (line: string) => void = (line) => void process.stdout.write(line),
): Logger {
  const options = { level, serializers: { err: reduceError } };
  return pino(options, { write: terminal ? (line) => writePlain(line, write) : write });
}

function writePlain(line: string, write: (line: string) => void): void {
  const { level, msg, err } = JSON.parse(line) as { level: number; msg?: string; err?: ReducedError };
  const mark = level >= 50 ? 'error: ' : level >= 40 ? 'warning: ' : '';
  const reason =
    err === undefined ? '' : ` (${[err.type, err.code, err.message].filter(Boolean).join(', ')})`;
  write(`${mark}${msg ?? ''}${reason}\n`);
}

interface ReducedError {
  readonly type: string;
  readonly code?: string;
  /** Of HTTP. */
  readonly status?: number;
  readonly method?: string;
  /** The path of a request, without query, ids and tokens. */
  readonly route?: string;
  /** The file of a system error. */
  readonly path?: string;
  readonly message?: string;
  readonly stack?: readonly string[];
  readonly cause?: ReducedError;
}

/** Our errors whose sentence names nothing that a user wrote. */
const OPERATORS: ReadonlySet<ErrorCode> = new Set([
  'bad_model',
  'engine_failed',
  'misconfigured',
  'internal',
]);
const MAX_MESSAGE = 200;
const MAX_FRAMES = 12;
const MAX_DEPTH = 4;

/**
 * Clients and databases hang whole requests on their errors: bodies, parameters, addresses with tokens. Of those
 * only what is listed in ReducedError is kept, and values in quotes are left out of messages.
 */
function reduceError(error: unknown, depth = 0): ReducedError {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, status, statusCode, method, url, syscall, path } = error as Error & Record<string, unknown>;
  const shownStatus = typeof status === 'number' ? status : statusCode;
  const message = messageOf(error);
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const cause = error instanceof AggregateError ? error.errors[0] : error.cause;
  return {
    type: error.name.slice(0, 60),
    ...(isCode(code) && { code: String(code) }),
    ...(typeof shownStatus === 'number' && { status: shownStatus }),
    ...(typeof method === 'string' && /^[A-Z]{3,7}$/.test(method) && { method }),
    ...(typeof url === 'string' && { route: routeOf(url) }),
    ...(typeof syscall === 'string' && typeof path === 'string' && { path }),
    ...(message !== '' && { message }),
    ...(frames.length > 0 && { stack: frames.slice(0, MAX_FRAMES).map((line) => line.trim()) }),
    ...(cause !== undefined && depth < MAX_DEPTH && { cause: reduceError(cause, depth + 1) }),
  };
}

const isCode = (code: unknown) =>
  typeof code === 'number' || (typeof code === 'string' && /^[\w.:-]{1,60}$/.test(code));

function messageOf(error: Error): string {
  if (error instanceof DatabaseAway || error instanceof DiskFull) return error.message;
  if (error instanceof DarkroomError) return OPERATORS.has(error.code) ? error.message : '';
  const [firstLine = ''] = error.message.split('\n');
  return firstLine
    .replaceAll(/(["'`]).*\1/g, '…')
    .replaceAll(/https?:\/\/\S+/g, '…')
    .slice(0, MAX_MESSAGE);
}

/** `/api/v10/webhooks/…/…/messages/…`: words and versions of an API stay, everything else may be an id or a token. */
function routeOf(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : (url.split('?')[0] ?? '');
  return path
    .split('/')
    .map((part) => (/^@?[a-z][a-z.-]{0,24}$|^v\d{1,2}$|^$/.test(part) ? part : '…'))
    .join('/');
}
