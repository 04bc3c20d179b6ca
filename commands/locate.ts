/** Which tenant a direct message belongs to: its rules, quotas and bans hold there too. */
import type { Invocation } from '../adapters/adapter.ts';
import { DarkroomError } from '../src/errors.ts';
import { Policy } from './policy.ts';
import type { Ports } from './ports.ts';

/**
 * Puts the tenant into a direct message that has none. A user of several tenants gets the first one that allows
 * them pictures: what one of them forbids cannot be spent there, and what another allows is charged to that one.
 */
export async function locate(
  invocation: Invocation,
  ports: Pick<Ports, 'settings' | 'admins' | 'tenantsOf'>,
): Promise<Invocation> {
  const { where, platform, user } = invocation;
  if (where.isDirect !== true || where.tenant !== undefined) return invocation;
  const memberships = await ports.tenantsOf(platform, user.id);
  const isOneOfSeveral = memberships.length > 1;
  const candidates = memberships.map((membership) => ({
    ...invocation,
    where: { ...where, ...membership, ...(isOneOfSeveral && { isOneOfSeveral }) },
  }));
  for (const candidate of candidates) {
    if (await isAllowed(candidate, ports)) return candidate;
  }
  return candidates[0] ?? invocation;
}

async function isAllowed(
  invocation: Invocation,
  ports: Pick<Ports, 'settings' | 'admins'>,
): Promise<boolean> {
  try {
    (await Policy.of(invocation, ports)).requireEntry();
    return true;
  } catch (error) {
    if (error instanceof DarkroomError) return false;
    throw error;
  }
}
