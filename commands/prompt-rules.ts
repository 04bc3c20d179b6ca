/** The server's rules about prompts, applied to everything that a request says. */
import { DarkroomError } from '../src/errors.ts';
import { brokenRule, type PromptRule } from '../src/moderation/rules.ts';
import type { GenerationRequest } from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
import type { SettingsStore } from '../src/settings/store.ts';
import type { Policy } from './policy.ts';

/** A server's rules, in the order of their names. */
export async function promptRulesOf(
  settings: Pick<SettingsStore, 'promptRules'>,
  tenant: string,
): Promise<readonly PromptRule[]> {
  const rules = await settings.promptRules(tenant);
  return Array.from(rules, ([name, terms]) => ({ name, terms })).toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}

/**
 * @throws DarkroomError('forbidden') that names the rule and not what broke it: the name says what is not wanted here,
 *   and the word itself would say what to spell in another way
 */
export async function requirePromptRules(
  request: GenerationRequest,
  policy: Policy,
  { settings, tenant }: { readonly settings: Pick<SettingsStore, 'promptRules'>; readonly tenant: string },
): Promise<void> {
  if (policy.value('prompt_rules') === false) return;
  const rule = brokenRule(
    await promptRulesOf(settings, tenant),
    textsOf(request, policy.text('default_negative_prompt')),
  );
  if (rule === undefined) return;
  throw new DarkroomError('forbidden', sentence('rules.broken', { rule }));
}

/** `(g:1.2)(un:1.1)` says a word as well: weights are no part of it. */
function withoutWeights(text: string): string[] {
  const bare = text.replaceAll(/:\s*[-+]?[\d.]{1,20}\s*(?=[)\]])/g, '');
  return bare === text ? [] : [bare];
}

/** Everything that a request says, as it was typed and as it was drawn. @param common what an admin adds to every negative prompt, which may name what is not wanted */
function textsOf(request: GenerationRequest, common: string | undefined): string[] {
  const { prompt, prompt2, prompt3, templates = {}, pictureWords = [], loras = [] } = request;
  const { negativePrompt, negativePrompt2, negativePrompt3 } = request;
  const { loras: typedLoras = [], ...typed } = templates;
  const own = (text: string | undefined) =>
    common !== undefined && text?.endsWith(common) === true ? text.slice(0, -common.length) : text;
  const negative = [
    ...[negativePrompt, negativePrompt2, negativePrompt3, typed.negative_prompt],
    ...pictureWords.map((words) => words.negative_prompt),
  ].map(own);
  const others = [typed, ...pictureWords].flatMap(({ negative_prompt: _, ...words }) => Object.values(words));
  const names = [...loras, ...typedLoras].map(({ file }) => file);
  const all = [prompt, prompt2, prompt3, ...negative, ...others, ...names].filter(
    (text) => text !== undefined,
  );
  return all.flatMap((text) => [text, ...withoutWeights(text)]);
}
