/** Styles: named presets that are laid over a prompt. Some are ours, an admin adds others. */
import { z } from 'zod';
import { DarkroomError, offerNames } from '../src/errors.ts';
import type { RequestDraft } from '../src/request.ts';

export interface Style {
  /** `{prompt}` is where the words go. */
  readonly template: string;
  readonly negative?: string;
  readonly settings?: Pick<RequestDraft, 'num_inference_steps' | 'guidance_scale' | 'sampler' | 'schedule'>;
}

const NAME = /^[a-z0-9][a-z0-9 _-]{0,39}$/;

export const OWN_STYLES: Readonly<Record<string, Style>> = {
  watercolor: { template: '{prompt}, watercolor painting' },
  ink: { template: '{prompt}, ink drawing' },
  'pixel art': { template: '{prompt}, pixel art' },
  cyberpunk: { template: '{prompt}, neon cyberpunk' },
  pastel: { template: '{prompt}, pastel' },
  plain: { template: '{prompt}' },
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
  throw new DarkroomError(
    'bad_request',
    `${typed} cannot name a style. Use up to 40 letters, digits, spaces, - and _.`,
  );
}

/** @returns the stored JSON text as a style; undefined where it is none */
export function readStyle(text: string): Style | undefined {
  const parsed = shape.safeParse(JSON.parse(text));
  return parsed.success ? (parsed.data as Style) : undefined;
}

/** @throws DarkroomError('bad_request') where the style has no place for the words */
export function writeStyle(style: Style): string {
  if (!style.template.includes('{prompt}')) {
    throw new DarkroomError(
      'bad_request',
      'The style has no {prompt}. Say where the words go: {prompt}, oil painting.',
    );
  }
  return JSON.stringify(shape.parse(style));
}

/** All styles of a server; an admin's own takes the place of ours of the same name. */
export function allStyles(stored: ReadonlyMap<string, string>): Map<string, Style> {
  const styles = new Map(Object.entries(OWN_STYLES));
  for (const [name, text] of stored) {
    const style = readStyle(text);
    if (style !== undefined) styles.set(name, style);
  }
  return styles;
}

/** Lays a style over a draft; what the person said of steps and guidance stands. */
export function applyStyle(
  draft: RequestDraft,
  name: string,
  styles: ReadonlyMap<string, Style>,
): RequestDraft {
  const style = styles.get(name.trim().toLowerCase());
  if (style === undefined) {
    throw new DarkroomError(
      'bad_request',
      `There is no style ${name}. ${offerNames(name, [...styles.keys()])}`,
    );
  }
  const negative = [draft.negative_prompt, style.negative]
    .filter((words) => words !== undefined && words !== '')
    .join(', ');
  return {
    ...style.settings,
    ...draft,
    prompt: style.template.replaceAll('{prompt}', () => draft.prompt),
    ...(negative !== '' && { negative_prompt: negative }),
  };
}
