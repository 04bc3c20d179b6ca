/** Runs ONNX graphs: the only module that imports onnxruntime-node. */
// First: it keeps onnxruntime from reporting its use.
import './telemetry.ts';
import type ort from 'onnxruntime-node';
import { DarkroomError } from '../errors.ts';
import { diagnoseCuda } from '../gpu/diagnose.ts';
import { openLibraries } from '../gpu/libraries.ts';
import type { Graph } from '../graph/component.ts';
import { sentence } from '../sentences.ts';
import type { Feeds, Tensor } from '../tensor.ts';
import { type Device, nameOf } from './device.ts';
import { DeviceFailure, deviceFailure } from './device-failure.ts';
import {
  keepPrepared,
  keepsMemory,
  type Opening,
  openMapped,
  openPrepared,
  type PreparedOptions,
} from './prepared.ts';
import { withWeights } from './quantised-file.ts';

/** What runs a graph. */
export interface Runner {
  readonly outputNames: readonly string[];
  /**
   * One forward pass. It blocks this process's event loop while it computes.
   * @param feeds every input of the graph by its name
   * @param outputs the outputs to fetch; all of them where left out
   * @throws DarkroomError('engine_failed') where the graph refuses the shapes, DeviceFailure where the device fails
   */
  run<Name extends string>(feeds: Feeds, outputs: readonly Name[]): Promise<Record<Name, Tensor>>;
}

export interface Session extends Runner {
  readonly inputNames: readonly string[];
  /** Whether the graph opens to a faster session, or faster, once prepareSession has been called. */
  readonly isProvisional: boolean;
  /** Frees the weights; safe to call twice. */
  close(): Promise<void>;
}

interface SessionOptions {
  /** False refuses a graph with an operator that the device lacks; otherwise the CPU runs that one. */
  readonly cpuFallback?: boolean;
  /** Is told which share of large files has been read, where that takes its time. */
  readonly onRead?: ((share: number) => void) | undefined;
  /** Whether its weights stay as they are stored, where the graph can be run so: fewer bytes, and slower calls. */
  readonly asStored?: boolean;
  /**
   * Whether what a run takes stays with the session for the next one, however it is opened: blocks of a megabyte and more are
   * mapped anew otherwise (process.ts), and filled with zeros.
   */
  readonly keepsMemory?: boolean;
  /** Beginning of the path of a file that gets what each operator took, once the session is closed. */
  readonly profile?: string;
}

/**
 * Loads a graph and its weights. Blocks while it optimises the graph (milliseconds to seconds by size).
 * @throws DarkroomError('bad_model') where onnxruntime cannot read the weights or refuses the graph, ('misconfigured')
 *   where the device cannot be used, DeviceFailure where it is missing, or the weights do not fit into its free memory
 */
export async function openSession(
  graph: Graph,
  device: Device,
  options: SessionOptions = {},
): Promise<Session> {
  let session: ort.InferenceSession | undefined;
  let isProvisional = false;
  const runtime = await loadRuntime(device);
  const { Tensor: OrtTensor } = runtime;
  const create = creator(runtime, device, options);
  try {
    const files = filesFor(graph, device);
    if (staysStored(graph, device, options.asStored))
      session = await openMapped(graph, create, options.onRead);
    else if (files === undefined)
      session = await create(graph, { kind: opensMapped(graph) ? 'mapped' : 'plain' });
    else ({ session, isProvisional } = await openPrepared(graph, files, create, options.onRead));
  } catch (cause) {
    throw await openingError(device, cause);
  }
  const { inputNames, outputNames } = session;

  return {
    inputNames,
    outputNames,
    isProvisional,
    async run(feeds, outputs) {
      if (session === undefined) throw new DarkroomError('internal', 'This session is closed.');
      const given: Record<string, ort.Tensor> = {};
      for (const [name, { data, dims }] of Object.entries(feeds)) {
        if (data instanceof BigInt64Array) given[name] = new OrtTensor('int64', data, dims);
        else if (data instanceof Float32Array) given[name] = new OrtTensor('float32', data, dims);
        else
          given[name] = new OrtTensor(
            'float16',
            new Uint16Array(data.buffer, data.byteOffset, data.length),
            dims,
          );
      }
      let fetched: ort.InferenceSession.OnnxValueMapType;
      try {
        fetched = await session.run(given, [...outputs]);
      } catch (cause) {
        throw (
          deviceFailure(device, cause) ??
          outOfMemory(cause) ??
          new DarkroomError('engine_failed', sentence('engine.model_stopped'), { cause })
        );
      }
      const result: Partial<Record<(typeof outputs)[number], Tensor>> = {};
      for (const name of outputs) {
        const { data, dims } = fetched[name] as ort.Tensor;
        result[name] = { data: data as Float32Array, dims };
      }
      return result as Record<(typeof outputs)[number], Tensor>;
    },
    async close() {
      const open = session;
      session = undefined;
      await open?.release();
    },
  };
}

/**
 * Optimises a graph and keeps it, so that the next openSession is fast. It blocks this process for seconds.
 * @returns whether it is kept now; where there is no room for it, it is not
 */
export async function prepareSession(graph: Graph, device: Device): Promise<boolean> {
  const files = filesFor(graph, device);
  if (files === undefined) return false;
  return keepPrepared(graph, files, creator(await loadRuntime(device), device, {}));
}

const creator =
  ({ InferenceSession }: typeof ort, device: Device, how: SessionOptions) =>
  (graph: Graph, opening: Opening): Promise<ort.InferenceSession> =>
    withWeights(
      graph,
      (whole) => InferenceSession.create(whole.bytes, sessionOptions(whole, device, { ...how, opening })),
      how.onRead,
    );

/** Whether a graph is asked to take the least and can: it is run over its weights as they are stored, which a run casts. */
export const staysStored = (graph: Graph, device: Device, asStored = false): boolean =>
  asStored &&
  device.provider === 'cpu' &&
  graph.weightsInPlace !== true &&
  graph.blocks === undefined &&
  graph.source?.isCast === true;

/** Where an optimised graph is kept; undefined where it is not, or gains nothing by it. */
export const filesFor = (graph: Graph, device: Device): PreparedOptions | undefined =>
  device.provider === 'cpu' && graph.weightsInPlace !== true && graph.blocks === undefined
    ? device.sideFiles
    : undefined;

/** Where the device is what fails, the operator is told what it lacks; otherwise the model is to blame. */
async function openingError(device: Device, cause: unknown): Promise<DarkroomError> {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const name = { device: nameOf(device) };
  if (device.provider === 'cuda') {
    const { isReady, text } = await diagnoseCuda();
    if (!isReady)
      return new DeviceFailure(
        'misconfigured',
        sentence('engine.device_unusable', { ...name, reason: text }),
        { cause },
      );
    if (/invalid device ordinal/.test(reason))
      return new DeviceFailure('misconfigured', sentence('engine.no_card', name), { cause });
    if (/Failed to load library|undefined symbol/.test(reason))
      return new DeviceFailure('misconfigured', sentence('engine.cuda_libraries', name), { cause });
  }
  if (device.provider === 'webgpu' && /WebGPU adapter/.test(reason)) {
    return new DeviceFailure('misconfigured', sentence('engine.no_webgpu'), { cause });
  }
  const failure = deviceFailure(device, cause) ?? outOfMemory(cause);
  if (failure !== undefined) return failure;
  return new DarkroomError('bad_model', sentence('engine.model_unloaded'), { cause });
}

/** The machine's own memory is at its end: onnxruntime says so where the system refuses it some. */
function outOfMemory(cause: unknown): DarkroomError | undefined {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (!/bad_alloc|bad allocation|failed to allocate memory/i.test(reason)) return undefined;
  return new DarkroomError('too_large', sentence('engine.out_of_memory'), { cause });
}

/**
 * Loads onnxruntime at the first session, not with this module: CUDA's libraries must be open before it.
 * @throws DeviceFailure where one of them cannot be opened
 */
async function loadRuntime({ provider, environment }: Device): Promise<typeof ort> {
  // What the operator has set wins.
  for (const [name, value] of Object.entries(environment)) process.env[name] ??= value;
  if (provider === 'cuda') {
    try {
      openLibraries();
    } catch (error) {
      // Another device may take the job.
      throw error instanceof DarkroomError
        ? new DeviceFailure(error.code, error.message, { cause: error })
        : error;
    }
  }
  const { default: runtime } = await import('onnxruntime-node');
  // What it would write of an error is thrown as well, and said in a sentence.
  runtime.env.logLevel = 'fatal';
  return runtime;
}

/** Weights in blocks are read out at each run, by the same operators that would read them out once. */
const opensMapped = ({ blocks }: Graph): boolean => blocks === 'in place';

/** A graphics device may lack float16: there all weights are cast before they reach it. */
const staysInPlace = ({ blocks, weightsInPlace }: Graph, { provider }: Device): boolean =>
  weightsInPlace === true && blocks === undefined && provider !== 'webgpu';

function sessionOptions(
  graph: Graph,
  device: Device,
  {
    opening,
    asStored,
    cpuFallback = true,
    keepsMemory: isToKeep = false,
    profile,
  }: SessionOptions & { readonly opening: Opening },
): ort.InferenceSession.SessionOptions {
  const weightsInPlace = staysInPlace(graph, device);
  const isMapped = opening.kind === 'mapped';
  const isOnlySaved = opening.kind === 'saving' && !opening.isRun;
  const files = filesFor(graph, device);
  // What is asked to take the least gives back what a run has taken.
  const isLeast = staysStored(graph, device, asStored);
  const hasArena = isToKeep || (files !== undefined && !isLeast && keepsMemory(graph, opening, files));
  return {
    executionProviders: [executionProvider(device)],
    intraOpNumThreads: device.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Folding constants would widen all of the weights at once, and an arena would keep what held one of them.
    graphOptimizationLevel:
      weightsInPlace || opening.kind === 'prepared' ? 'disabled' : isMapped ? 'extended' : 'all',
    // An arena grows by powers of two and keeps all of it: SD 1.5's VAE took 1.7 GB there at 512x512, and takes 0.65 GB
    // without one, which it gives back. A denoiser takes no more in one, and its first run a sixth less processor time: one
    // without makes 490,000 page faults, of which 47,000 are left (SD 1.5, two pictures of 512x512). The memory pattern
    // makes one block of a run's values, which an arena does not need.
    enableCpuMemArena: hasArena,
    enableMemPattern: !hasArena,
    logSeverityLevel: 3,
    ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
    ...(opening.kind === 'saving' ? { optimizedModelFilePath: opening.file } : {}),
    extra: {
      ...(isMapped && { optimization: { disable_specified_optimizers: WIDENING.join(';') } }),
      session: {
        ...(opening.kind === 'saving' ? savingOptions(opening.data) : {}),
        model_external_initializers_file_folder_path: graph.folder,
        disable_prepacking: weightsInPlace || isMapped || isOnlySaved ? '1' : '0',
        disable_cpu_ep_fallback: cpuFallback ? '0' : '1',
        // Spinning threads take the cores away from whatever else runs: on a busy machine a call took a third
        // longer with them.
        intra_op: { allow_spinning: '0' },
        // Weights outside the arena: it grows by powers of two and never shrinks (onnxruntime pull request 7267).
        use_device_allocator_for_initializers: device.provider === 'cuda' ? '1' : '0',
      },
    },
  };
}

/** Optimisers that would make float32 of weights which are stored in half of that. */
const WIDENING = ['ConstantFolding', 'FuseFp16InitializerToFp32NodeTransformer'];

/** Weights go into one file. */
const savingOptions = (data: string) => ({
  optimized_model_external_initializers_file_name: data,
  optimized_model_external_initializers_min_size_in_bytes: '1024',
});

/** onnxruntime adds the CPU behind a GPU, for what only reckons with shapes. */
function executionProvider({ provider, index }: Device): ort.InferenceSession.ExecutionProviderConfig {
  return provider === 'cuda' ? { name: provider, deviceId: index } : provider;
}
