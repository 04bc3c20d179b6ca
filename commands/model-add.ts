/** `/models add`: an admin fetches a model, and its message shows how far it is and can stop it. */
import { refusalCard } from '../adapters/refusal-card.ts';
import { DarkroomError } from '../src/errors.ts';
import { sentence, type Words } from '../src/sentences.ts';
import { type Context, defineCommand } from './command.ts';
import type { Ports } from './ports.ts';
import { type ConfigPorts, requireAdmin } from './setting-change.ts';

type DownloadPorts = ConfigPorts & Pick<Ports, 'downloads'>;

/** Milliseconds between two states of a download's message. */
const LEAST_PACE = 2000;

export const addModel = defineCommand({
  name: 'models add',
  description: 'describe.models.add',
  options: {
    source: {
      type: 'text',
      single: true,
      required: true,
      description: 'describe.models.source',
      example: 'owner/name',
    },
  },
  examples: ['/models add owner/name'],
  async run({ source = '' }, context: Context<DownloadPorts>) {
    const { invocation, reply, say, ports } = context;
    await requireAdmin(invocation, ports);
    const model = await ports.downloads.offer(source);
    const { name } = model;
    const fields = model.facts.map(([fact, value]) => ({ name: say.words(fact), value: say.words(value) }));
    const actions = [{ id: `halt:${model.id}`, label: say('button.cancel') }];
    await reply.post({ text: say('models.fetching', { name }), fields, actions });
    const pace = Math.max(LEAST_PACE, reply.pace?.edit ?? 0);
    let words: Words = '';
    let shown: Words = '';
    let editing: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      if (words === shown) return;
      shown = words;
      const text = say('models.fetching_state', { name, state: words });
      editing = editing.then(() => reply.post({ text, fields, actions })).catch(() => {});
    }, pace);
    const ended = async () => {
      clearInterval(timer);
      await editing;
    };
    try {
      await model.fetch((now) => {
        words = now;
      });
      await ended();
      await reply.post({ text: say('models.fetched', { name }), fields });
    } catch (error) {
      await ended();
      const isStopped = error instanceof DarkroomError && error.code === 'cancelled';
      if (isStopped) await reply.post({ text: say('models.fetch_stopped', { name }), fields });
      else {
        if (!(error instanceof DarkroomError)) ports.onError?.(error);
        await reply.post({ ...refusalCard(error, say.locale), fields });
      }
    }
  },
});

/** The button of its message. @throws DarkroomError for who is no admin, and for a download that has ended */
export async function haltDownload(
  id: string,
  { invocation, ports }: Pick<Context<DownloadPorts>, 'invocation' | 'ports'>,
): Promise<void> {
  await requireAdmin(invocation, ports);
  if (!ports.downloads.cancel(id)) throw new DarkroomError('not_found', sentence('models.fetch_over'));
}
