/** How much of a picture is kept. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import type { ModelDefaults } from './defaults.ts';

/** @throws DarkroomError('bad_request') where a strength leaves no step to run */
export function requireStep(
  label: string,
  strength: number,
  steps: number,
  { runsAtAnyStrength = false }: ModelDefaults,
): void {
  if (Math.floor(steps * strength) >= 1 || (runsAtAnyStrength && strength > 0)) return;
  const least = Math.ceil(100 / steps) / 100;
  throw new DarkroomError('bad_request', sentence('request.no_step', { label, strength, steps, least }));
}
