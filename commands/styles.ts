/** Styles: named presets that are added to a prompt. Some are built in, admins add others. */
import { z } from 'zod';
import { DarkroomError, offer } from '../src/errors.ts';
import type { RequestDraft } from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
import type { SettingsStore } from '../src/settings/store.ts';

export interface Style {
  /** `{prompt}` is where the user's prompt goes. */
  readonly template: string;
  readonly negative?: string;
  readonly settings?: Pick<RequestDraft, 'num_inference_steps' | 'guidance_scale' | 'sampler' | 'schedule'>;
}

const NAME = /^[a-z0-9][a-z0-9 _-]{0,39}$/;

/** The style that changes nothing. */
export const PLAIN_STYLE = 'plain';

export const OWN_STYLES: Readonly<Record<string, Style>> = {
  watercolor: { template: '{prompt}, watercolor painting' },
  ink: { template: '{prompt}, ink drawing' },
  'pixel art': { template: '{prompt}, pixel art' },
  cyberpunk: { template: '{prompt}, neon cyberpunk' },
  pastel: { template: '{prompt}, pastel' },
  [PLAIN_STYLE]: { template: '{prompt}' },
};

const shape = z.strictObject({
  template: z.string().min(1).max(1000),
  negative: z.string().max(1000).optional(),
  settings: z
    .strictObject({
      num_inference_steps: z.number().int().min(1).max(150).optional(),
      guidance_scale: z.number().min(0).max(30).optional(),
      sampler: z.string().max(50).optional(),
      schedule: z.string().max(50).optional(),
    })
    .optional(),
});

/** @throws DarkroomError('bad_request') */
export function styleName(typed: string): string {
  const name = typed.trim().toLowerCase();
  if (NAME.test(name)) return name;
  throw new DarkroomError('bad_request', sentence('style.bad_name', { name: typed }));
}

/** @returns the stored JSON text as a style; undefined where it is none */
export function readStyle(text: string): Style | undefined {
  const parsed = shape.safeParse(JSON.parse(text));
  return parsed.success ? (parsed.data as Style) : undefined;
}

/** @throws DarkroomError('bad_request') for a template without `{prompt}` */
export function writeStyle(style: Style): string {
  if (!style.template.includes('{prompt}')) {
    throw new DarkroomError('bad_request', sentence('style.no_place'));
  }
  return JSON.stringify(shape.parse(style));
}

/** All styles of a tenant; an admin's style replaces the built-in one of the same name. */
export function allStyles(
  stored: ReadonlyMap<string, string>,
  builtIn: Readonly<Record<string, Style>> = OWN_STYLES,
): Map<string, Style> {
  const styles = new Map(Object.entries(builtIn));
  for (const [name, text] of stored) {
    const style = readStyle(text);
    if (style !== undefined) styles.set(name, style);
  }
  return styles;
}

/** Styles of one person, under a name that no tenant has: only they see and use them, wherever they are. */
export const ownStylesOf = (settings: Pick<SettingsStore, 'styles'>, user: string) =>
  settings.styles(personOf(user));

export const personOf = (user: string) => `person:${user}`;

/** Styles that one person may have. */
export const MOST_OWN_STYLES = 25;

/** What a person can call by name there: their own styles, then the tenant's, then those that are built in. */
export async function stylesFor(
  settings: Pick<SettingsStore, 'styles'>,
  tenant: string | undefined,
  user: string | undefined,
): Promise<Map<string, Style>> {
  const shared = tenant === undefined ? new Map<string, string>() : await settings.styles(tenant);
  const own = user === undefined ? new Map<string, string>() : await ownStylesOf(settings, user);
  return allStyles(new Map([...shared, ...own]));
}

/** Adds a style to a draft; steps and guidance that the user set stay. */
export function applyStyle(
  draft: RequestDraft,
  name: string,
  styles: ReadonlyMap<string, Style>,
): RequestDraft {
  const style = styles.get(name.trim().toLowerCase());
  if (style === undefined) {
    throw new DarkroomError(
      'bad_request',
      sentence('style.none', { name, offer: offer(name, [...styles.keys()]) }),
    );
  }
  const negative = [draft.negative_prompt, style.negative]
    .filter((words) => words !== undefined && words !== '')
    .join(', ');
  return {
    ...style.settings,
    ...draft,
    prompt: fillTemplate(style.template, draft.prompt),
    ...(negative !== '' && { negative_prompt: negative }),
  };
}

/** Without words, the separators beside their place go too. */
function fillTemplate(template: string, prompt: string): string {
  const filled = template.replaceAll('{prompt}', () => prompt);
  return prompt.trim() === '' ? filled.replaceAll(/^[\s,]+|[\s,]+$/g, '') : filled;
}
