/** Weights that other programs packed in ways that are not read, each refused by the name of the way. */
import { DarkroomError } from '../errors.ts';
import type { StoredTensor } from '../graph/component.ts';
import { isRecord } from '../json.ts';

/** What bitsandbytes writes beside a weight (its functional.py QuantState, nn/modules.py). */
const BITSANDBYTES =
  /\.(?:weight\.(?:absmax|quant_map|nested_absmax|nested_quant_map|quant_state\.bitsandbytes__\w+)|SCB)$/;
const WAY_OUT = 'Use the same model as GGUF, or in 8-bit floats, float16 or bfloat16.';

/** @throws DarkroomError('unsupported') for weights that bitsandbytes or torchao packed */
export function refusePacked(
  label: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string>,
): void {
  const isBitsandbytes = tensors.keys().some((name) => BITSANDBYTES.test(name));
  // torchao's safetensors list the tensors that its own classes are made of (prototype/safetensors).
  const isTorchao = metadata.has('tensor_names');
  if (!isBitsandbytes && !isTorchao) return;
  throw packed(label, isBitsandbytes ? 'bitsandbytes' : 'torchao');
}

/** @throws DarkroomError('unsupported') for the config of a part that names how its weights were packed */
export function refuseQuantisation(label: string, config: Readonly<Record<string, unknown>>): void {
  const { quantization_config: how } = config;
  if (!isRecord(how)) return;
  const { quant_method: method } = how;
  throw packed(label, typeof method === 'string' ? method.slice(0, LONGEST_NAME) : 'a method without a name');
}

const LONGEST_NAME = 60;

const packed = (label: string, method: string) =>
  new DarkroomError(
    'unsupported',
    `${label}: its weights are quantised with ${method}, which this version of Darkroom does not read. ${WAY_OUT}`,
  );

/** @returns a sentence about a GGUF file of another architecture; undefined for other files */
export function unknownArchitecture(
  label: string,
  metadata: ReadonlyMap<string, string>,
): string | undefined {
  const architecture = metadata.get('general.architecture')?.slice(0, LONGEST_NAME);
  if (architecture === undefined) return undefined;
  return `${label} is a GGUF file of the architecture ${architecture}, which this version of Darkroom does not run. It reads transformers of FLUX.1, FLUX.2 klein and Z-Image, and the text encoders T5 and Qwen3.`;
}
