/** The memory that a device has free, asked of the system each time: other programs take some and give it back. */
import { listCards } from '../../gpu/cards.ts';
import type { Device } from '../device.ts';
import { freeMemory } from '../free-memory.ts';

/**
 * Bytes that models and pictures may take on a device now, what this process holds already included; undefined where the
 * device cannot be asked (webgpu), and nothing says how much it has.
 * @param held bytes that this process has on the device
 */
export async function budgetOf(device: Device, held = ownBytes()): Promise<number | undefined> {
  if (device.limit !== undefined) return device.limit;
  if (device.provider === 'webgpu') return undefined;
  if (device.provider === 'cuda') {
    const free = (await listCards()).find(({ index }) => index === device.index)?.free;
    return free === undefined ? undefined : free + held;
  }
  return (await freeMemory()) + held;
}

const ownBytes = () => process.memoryUsage.rss();
