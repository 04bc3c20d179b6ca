/** Models of one family that differ in what they are for. */

interface Named {
  readonly name: string;
  readonly kind: string;
  readonly family?: string;
  readonly variant?: string;
  readonly refusal?: string;
}

const INPAINTING = 'inpainting';

/** @returns the names of the inpainting models of a model's family; none if the model is itself one for inpainting */
export function inpaintingKin(name: string, entries: readonly Named[]): string[] {
  const models = entries.filter(({ kind, refusal }) => kind === 'checkpoint' && refusal === undefined);
  const own = models.find((entry) => entry.name === name);
  if (own?.family === undefined || own.variant === INPAINTING) return [];
  return models
    .filter(({ family, variant }) => family === own.family && variant === INPAINTING)
    .map((entry) => entry.name);
}
