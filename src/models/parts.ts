/** The parts of a model as its model_index.json names them. */

/** model_index.json. Each part is a list of a library and a class: `["diffusers", "UNet2DConditionModel"]`. */
export type ModelIndex = Readonly<Record<string, unknown>>;

/** The class that the index gives a part; null where it names none. */
export function classOf(index: ModelIndex, part: string): unknown {
  const entry = Object.hasOwn(index, part) ? index[part] : undefined;
  return Array.isArray(entry) ? (entry[1] ?? null) : null;
}
