/** The model that draws around a picture. */
import { sentence, type Words } from '../src/sentences.ts';
import type { Context } from './command.ts';
import { isCommercialOnly, Licences } from './licences.ts';
import { Policy, tenantOf } from './policy.ts';
import type { ModelInfo, Ports } from './ports.ts';

/**
 * What draws around a picture of a model: the inpainting model of its family where one is installed and allowed, since
 * it sees what it goes on from.
 * @returns sentences for the user too
 */
export async function outpaintModel(
  name: string,
  { invocation, ports }: Pick<Context<Pick<Ports, 'models' | 'settings' | 'admins'>>, 'invocation' | 'ports'>,
): Promise<{ readonly model: ModelInfo; readonly notes: readonly Words[] }> {
  const own = await ports.models.resolve(name);
  const policy = await Policy.of(invocation, ports);
  const rules = await ports.settings.rules(tenantOf(invocation));
  const licences = isCommercialOnly(rules) ? await Licences.of(tenantOf(invocation), ports) : undefined;
  const licensed = await licences?.allowedOf('checkpoint');
  const other = ports.models
    .inpaintingOf(own.name)
    .find((one) => policy.allowsModel(one) && (licensed?.includes(one) ?? true));
  if (other === undefined) return { model: own, notes: [] };
  const model = await ports.models.resolve(other);
  return { model, notes: [sentence('action.inpainting_model', { model: other })] };
}
