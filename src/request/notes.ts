/** Sentences for the user about values that are allowed, and have no effect or are rarely meant. */
import type { ModelDefaults } from './defaults.ts';
import type { GenerationRequest } from './fields.ts';
import { LIMITS } from './limits.ts';

export function notesOf(request: GenerationRequest, defaults: ModelDefaults): string[] {
  return [...noteGuidance(request, defaults), ...noteNegative(request, defaults), ...noteSyntax(request)];
}

function noteGuidance({ guidanceScale }: GenerationRequest, defaults: ModelDefaults): string[] {
  if (guidanceScale <= LIMITS.guidance.artefactsAbove) return [];
  return [
    `Guidance ${guidanceScale} often brings burnt colours and artefacts; ${defaults.guidanceScale} suits this model.`,
  ];
}

function noteNegative(request: GenerationRequest, defaults: ModelDefaults): string[] {
  const { negativePrompt, negativePrompt2, negativePrompt3, guidanceScale } = request;
  const isGiven = [negativePrompt, negativePrompt2, negativePrompt3].some((text) => (text ?? '') !== '');
  if (!isGiven) return [];
  if (defaults.takesNegative === false) {
    return ['The negative prompt has no effect: this model does not use one.'];
  }
  if (guidanceScale > 1) return [];
  const usual = defaults.guidanceScale > 1 ? ` Try ${defaults.guidanceScale}.` : '';
  return [`The negative prompt has no effect at guidance ${guidanceScale}, only above 1.${usual}`];
}

/** Grammar of other programs that is read as words here. */
const UNREAD = [
  /\{[^{}]*\|[^{}]*\}/,
  /\[[^\][:]*:[^\][:]*:\s*[\d.]+\s*\]/,
  /<(?:lora|lyco|hypernet):[^<>]*>/i,
  /__[\w/-]+__/,
  /(?<=\s)AND(?=\s)/,
];
const QUOTED = 40;

function noteSyntax({ prompt, promptSyntax }: GenerationRequest): string[] {
  if (promptSyntax === 'plain') return [];
  // AND among capitals is a word.
  const hasCase = /\p{Ll}/u.test(prompt);
  const found = UNREAD.flatMap((pattern) => pattern.exec(prompt)?.[0] ?? []);
  const unread = found.filter((part) => part !== 'AND' || hasCase).map((part) => part.slice(0, QUOTED));
  if (unread.length === 0) return [];
  return [`Read as plain words: ${unread.join(', ')}. Prompts take weights, (red:1.3), and BREAK.`];
}
