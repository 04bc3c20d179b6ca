/** The `parameters` text of a PNG as A1111 writes it, so that other tools read our pictures. */
import { type GenerationRequest, loraTag, loraToJson, type PictureFacts, ROWS } from '../request.ts';

/** Prompt, negative prompt where there is one, then one line of `Key: value` pairs. */
export function formatParameters(request: GenerationRequest, facts: PictureFacts): string {
  const line = ROWS.flatMap(([, { a1111 }]) => a1111?.(request, facts) ?? [])
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${quote(String(value))}`)
    .join(', ');
  const { negativePrompt = '', loras = [] } = request;
  const negative = negativePrompt === '' ? [] : [`Negative prompt: ${negativePrompt}`];
  const prompt = [request.prompt, ...loras.map((lora) => loraTag(loraToJson(lora)))].join(' ').trim();
  return [prompt, ...negative, line].join('\n');
}

/** A value that would end its pair early is quoted as JSON. */
const quote = (value: string) => (/[,:\n]/.test(value) ? JSON.stringify(value) : value);
