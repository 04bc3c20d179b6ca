/**
 * What the serving process and the inference process say to each other, as structured clones over Node's IPC
 * channel. Each call carries a number; its reply, progress and error carry the same one.
 */
import { DarkroomError, describeError, type ErrorWords, wordsOf } from '../../errors.ts';
import {
  type Advance,
  type Engine,
  FilesChanged,
  type FinishedPicture,
  type Job,
  type JobMemory,
  type Loading,
  type Progress,
  type StageSeconds,
} from '../../job.ts';
import type { Words } from '../../sentences.ts';
import type { Device } from '../device.ts';

export interface EngineOptions {
  /** Folders that hold model folders. */
  readonly models: readonly string[];
  /** Where the serving process keeps what it knows of the files in them. */
  readonly index?: string | undefined;
  readonly device: Device;
  /** Folder with depth.onnx or pose.onnx, for control pictures from photos. */
  readonly detectors?: string | undefined;
  /** DARKROOM_CLASSIFIER: looks at the pictures of all models, in place of their own safety checkers. */
  readonly classifier?: string | undefined;
}

/** An engine that can load a model ahead of the first job. */
export interface WarmEngine extends Engine {
  warm(model: string): Promise<void>;
}

/** What the module named by the child's first argument exports. */
export interface EngineFactory {
  createEngine(options: EngineOptions): Promise<WarmEngine>;
}

/** The calls: what goes in, what comes back. `run` names an open run within one child. */
export interface Calls {
  warm: { in: { model: string }; out: undefined };
  open: { in: { job: Job }; out: { run: number; steps: number; memory?: JobMemory; finishes: boolean } };
  advance: { in: { run: number; count: number }; out: Advance };
  finish: { in: { run: number }; out: FinishedPicture };
  decode: {
    in: { run: number };
    out: { pictures: readonly FinishedPicture[]; notes: readonly Words[]; seconds: StageSeconds };
  };
  close: { in: { run: number }; out: undefined };
}
export type CallName = keyof Calls;

export type ToChild = {
  [K in CallName]: { readonly name: K; readonly call: number } & Calls[K]['in'];
}[CallName];

export type FromChild =
  | { readonly name: 'progress'; readonly call: number; readonly progress: Progress }
  | { readonly name: 'loading'; readonly call: number; readonly loading: Loading }
  | { readonly name: 'reply'; readonly call: number; readonly result: Calls[CallName]['out'] }
  | { readonly name: 'error'; readonly call: number; readonly error: WireError }
  /** The device failed under this call; the child ends after it, which frees the device. */
  | { readonly name: 'deviceFailed'; readonly call: number; readonly error: WireError }
  /** The engine could not be made; the child ends after it. */
  | { readonly name: 'refused'; readonly error: WireError };

interface WireError extends ErrorWords {
  /** For the operator: the stack of what was thrown, with its causes. */
  readonly detail: string;
  /** Whether it is FilesChanged. */
  readonly isOfFiles?: true;
}

export function toWireError(error: unknown): WireError {
  const isOfFiles = error instanceof FilesChanged;
  return { ...describeError(error), detail: detailOf(error), ...(isOfFiles && { isOfFiles }) };
}

export function fromWireError({ detail, isOfFiles, ...error }: WireError): DarkroomError {
  const Kind = isOfFiles === true ? FilesChanged : DarkroomError;
  return new Kind(error.code, wordsOf(error), { cause: detail });
}

function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${detailOf(error.cause)}`;
}
