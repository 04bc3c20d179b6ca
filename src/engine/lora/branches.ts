/**
 * LoRAs beside the weights: the graph adds the product of two factors to each weight, and the factors are inputs. One
 * session serves every LoRA, and another LoRA costs no more than other inputs. Several LoRAs are one whose rank is the sum.
 */
import { isBlockType } from '../../graph/block-types.ts';
import type { Component, Factors, StoredTensor } from '../../graph/component.ts';
import { type Arithmetic, factorsOf, rowsOf, scaleOf } from '../../models/lora/delta.ts';
import type { Feeds } from '../../tensor.ts';
import { requireFinite, type WeightedChange } from './change.ts';

/** Beyond it, a session over folded weights pays for itself within one picture. */
const MOST_RANK = 128;
/** Ranks are filled up to a multiple of it: matrix units work on so many columns at once. */
const RANK_STEP = 8;

/** Tables of tokens, places and distances, in which rows are looked up: there is no product to add one to. */
const TABLE = /(?:^|[._])(?:embeddings\.\w+|shared|embed_tokens|relative_attention_bias)$/;

/** Whether factors can carry these changes of one component. */
export function canBranch(changes: readonly WeightedChange[], { tensors }: Component): boolean {
  const ranks = new Map<string, number>();
  let isInBlocks = false;
  for (const { adapter, place } of changes) {
    const { up, doraScale, magnitude, biasDifference } = adapter.tensors;
    const isPlain = adapter.kind === 'low-rank' && (doraScale ?? magnitude ?? biasDifference) === undefined;
    if (!isPlain || TABLE.test(place.module)) return false;
    ranks.set(place.module, (ranks.get(place.module) ?? 0) + columnsOf(up!));
    isInBlocks ||= isBlockType(tensors.get(`${place.module}.weight`)?.dtype ?? '');
  }
  // Folded weights would be four times as large as weights in blocks.
  return isInBlocks || Math.max(0, ...ranks.values()) <= MOST_RANK;
}

const columnsOf = ({ shape }: StoredTensor) => shape.slice(1).reduce((product, side) => product * side, 1);

/** The component with factors beside the weights of these modules. */
export function withBranches(component: Component, modules: ReadonlySet<string>): Component {
  const names = [...modules].sort().map((module) => `${module}.weight`);
  const sized = names.map((name) => {
    const stored = component.tensors.get(name)!;
    const group =
      stored.shape.length > 2 && columnsOf(stored) !== stored.shape[1] ? 'convolutions' : 'linear';
    return {
      name,
      stored,
      group,
      down: `lora_down.${group}.${columnsOf(stored)}`,
      up: `lora_up.${group}.${stored.shape[0]}`,
    };
  });
  const counts = new Map<string, number>();
  const placed = sized.map((one) => {
    const [down, up] = [one.down, one.up].map((input) => {
      const index = counts.get(input) ?? 0;
      counts.set(input, index + 1);
      return { input, index };
    });
    return { ...one, down: down!, up: up! };
  });
  const tensors = new Map(component.tensors);
  for (const { name, stored, group, down, up } of placed) {
    const factors: Factors = {
      group,
      down: { ...down, count: counts.get(down.input)! },
      up: { ...up, count: counts.get(up.input)! },
    };
    tensors.set(name, { ...stored, factors });
  }
  return { ...component, tensors };
}

/**
 * The factors of one component's changes as its graph takes them; zeros where a weight is not changed.
 * @param component as withBranches made it
 * @throws DarkroomError('bad_model') for a LoRA that holds NaN or infinite numbers
 */
export async function branchFeeds(
  component: Component,
  changes: readonly WeightedChange[],
  { type, arithmetic }: { readonly type: 'float' | 'float16'; readonly arithmetic: Arithmetic },
): Promise<Feeds> {
  const weights = [...component.tensors].flatMap(([name, stored]) =>
    stored.factors === undefined ? [] : [{ name, stored, factors: stored.factors }],
  );
  const byModule = Map.groupBy(changes, ({ place }) => `${place.module}.weight`);
  const ranks = new Map<string, number>();
  for (const { name, factors } of weights) {
    const rank = (byModule.get(name) ?? []).reduce(
      (sum, { adapter }) => sum + columnsOf(adapter.tensors.up!),
      0,
    );
    ranks.set(
      factors.group,
      Math.max(ranks.get(factors.group) ?? RANK_STEP, Math.ceil(rank / RANK_STEP) * RANK_STEP),
    );
  }
  const make = (size: number) => (type === 'float' ? new Float32Array(size) : new Float16Array(size));
  const feeds: Record<string, { data: Float32Array | Float16Array; dims: readonly number[] }> = {};
  const inputOf = (name: string, dims: readonly number[]) => {
    const known = feeds[name] ?? { data: make(dims.reduce((product, side) => product * side)), dims };
    feeds[name] = known;
    return known.data;
  };
  for (const { name, stored, factors } of weights) {
    const rank = ranks.get(factors.group)!;
    const [rows, columns] = [stored.shape[0]!, columnsOf(stored)];
    const down = inputOf(factors.down.input, [1, factors.down.count, rank, columns]);
    const up = inputOf(factors.up.input, [1, factors.up.count, rows, rank]);
    let first = 0;
    for (const change of byModule.get(name) ?? []) {
      const own = await factorsOf(change.adapter, arithmetic);
      const scale = change.weight * (await scaleOf(change.adapter, arithmetic, change.alpha));
      const left = rowsOf(own.up, change.place);
      requireFinite(left.data, scale, change);
      requireFinite(own.down.data, 1, change);
      down.set(own.down.data, (factors.down.index * rank + first) * columns);
      for (let i = 0; i < rows; i++) {
        const at = (factors.up.index * rows + i) * rank + first;
        for (let j = 0; j < left.columns; j++) up[at + j] = scale * left.data[i * left.columns + j]!;
      }
      first += left.columns;
    }
  }
  return feeds;
}
