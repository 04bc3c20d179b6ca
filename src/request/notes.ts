/** Sentences for the user about values that are allowed and rarely meant. What has no effect on a model is the engine's to say. */

import { sentence, type Words } from '../sentences.ts';
import type { ModelDefaults } from './defaults.ts';
import type { GenerationRequest } from './fields.ts';
import { LIMITS } from './limits.ts';

export function notesOf(request: GenerationRequest, defaults: ModelDefaults): Words[] {
  return [...noteGuidance(request, defaults), ...noteSyntax(request)];
}

function noteGuidance({ guidanceScale }: GenerationRequest, defaults: ModelDefaults): Words[] {
  if (guidanceScale <= LIMITS.guidance.artefactsAbove) return [];
  return [sentence('request.high_guidance', { guidance: guidanceScale, usual: defaults.guidanceScale })];
}

/** Grammar of other programs that is read as words here. */
const UNREAD = [
  /\[[^\][:]*:[^\][:]*:\s*[\d.]+\s*\]/,
  /<hypernet:[^<>]*>/i,
  /\$\{[^{}]*\}/,
  /__[\w/-]+__/,
  // A choice whose brace is not closed, or not opened.
  /(?<!\\)\{[^{}|]*\|[^{}]*$/,
  /^[^{}|]*\|[^{}]*(?<!\\)\}/,
  /(?<=\s)AND(?=\s)/,
];
const QUOTED = 40;
/** Settings as people write them in words, in brackets or for other programs: `seed: 42`, `512x512`, `16:9`, `-n 4`. */
const SETTINGS = [
  /(?<![\p{L}-])(?:seed|steps|cfg(?: scale)?|guidance(?: scale)?|sampler)\s*[:=]\s*[\w.+-]+/iu,
  /(?<![\p{L}/\\\uff0f-])seed #?\d+/iu,
  /(?<=^|[,;|(]\s*)(?:(?:steps|cfg(?: scale)?|guidance(?: scale)?) \d[\d.]*|\d{1,3} steps)(?=\s*(?:[,;|)]|$))/iu,
  /(?<=\s)[/\\\uff0f](?:seed|steps|cfg|guidance|sampler|size|ar|aspect|no|neg|n|style|strength|model|lora)\b(?: \S+)?/iu,
  /(?<!\S)-[a-z] ?\d+(?:\.\d+)?(?!\S)/i,
  /(?<![\w.])\d{2,4} ?[x\u00d7] ?\d{2,4}(?![\w.])/i,
  /(?<![\d:])(?:1:1|[2-5]:[2-5]|16:9|9:16|16:10|21:9)(?![\d:])/,
];

function noteSyntax({ prompt, promptSyntax }: GenerationRequest): Words[] {
  if (promptSyntax === 'plain') return [];
  // AND among capitals is a word.
  const hasCase = /\p{Ll}/u.test(prompt);
  const found = UNREAD.flatMap((pattern) => pattern.exec(prompt)?.[0] ?? []);
  const unread = found.filter((part) => part !== 'AND' || hasCase).map((part) => part.slice(0, QUOTED));
  const settings = SETTINGS.flatMap((pattern) => pattern.exec(prompt)?.[0]?.slice(0, QUOTED) ?? []);
  return [
    ...(unread.length > 0 ? [sentence('request.plain_words', { words: unread })] : []),
    ...(settings.length > 0 ? [sentence('request.settings_in_words', { words: settings })] : []),
  ];
}
