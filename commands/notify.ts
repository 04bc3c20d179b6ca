/** /notify: a member's own choice whether they are mentioned when a picture is ready. */
import { randomUUID } from 'node:crypto';
import { type Context, defineCommand } from './command.ts';
import { Policy, tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';

const KEY = 'mention_when_done';

export const notify = defineCommand({
  name: 'notify',
  description: 'describe.notify',
  options: {
    when: {
      type: 'choice',
      choices: ['on', 'off'],
      description: 'describe.notify.when',
    },
  },
  examples: ['/notify on', '/notify off'],
  async run({ when }, { invocation, reply, ports, say }: Context<Pick<Ports, 'settings' | 'admins'>>) {
    const before = (await Policy.of(invocation, ports)).isOn(KEY);
    const isWanted = when === undefined ? before : when === 'on';
    if (isWanted !== before) {
      const { id, name } = invocation.user;
      await ports.settings.apply({
        ...{ id: randomUUID(), tenant: tenantOf(invocation), at: Date.now(), author: { id, name } },
        ...{ key: KEY, scope: 'user', target: id, before, after: isWanted },
      });
    }
    await reply.postEphemeral({ text: say(isWanted ? 'notify.on' : 'notify.off') });
  },
});
