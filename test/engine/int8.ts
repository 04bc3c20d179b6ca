/** For tests that compute in int8, which not every CPU does right. */
import type { TestContext } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { probe } from '../../src/engine/probe.ts';

/** @returns whether the test ends here; it says why */
export async function skipWithoutInt8(t: TestContext): Promise<boolean> {
  const { works, reason } = await probe({ ...cpuDevice(), precision: 'int8' });
  if (!works) t.skip(`no int8 on this CPU: ${reason}`);
  return !works;
}
