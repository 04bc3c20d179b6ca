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
  /__[\w/-]+__/,
  /(?<=\s)AND(?=\s)/,
];
const QUOTED = 40;

function noteSyntax({ prompt, promptSyntax }: GenerationRequest): Words[] {
  if (promptSyntax === 'plain') return [];
  // AND among capitals is a word.
  const hasCase = /\p{Ll}/u.test(prompt);
  const found = UNREAD.flatMap((pattern) => pattern.exec(prompt)?.[0] ?? []);
  const unread = found.filter((part) => part !== 'AND' || hasCase).map((part) => part.slice(0, QUOTED));
  if (unread.length === 0) return [];
  return [sentence('request.plain_words', { words: unread })];
}
