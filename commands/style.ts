/** /style: named presets that an admin adds in chat. */
import { DarkroomError, offer } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { tenantOf } from './policy.ts';
import { type ConfigPorts, changeSetting } from './setting-change.ts';
import { allStyles, OWN_STYLES, styleName, writeStyle } from './styles.ts';

const list = defineCommand({
  name: 'style list',
  description: 'describe.style.list',
  options: {},
  examples: ['/style list'],
  async run(_values, { invocation, reply, say, ports }: Context<ConfigPorts>) {
    const styles = allStyles(await ports.settings.styles(tenantOf(invocation)));
    const fields = [...styles].map(([name, { template, negative }]) => ({
      name,
      value: negative === undefined ? template : say('style.without', { template, negative }),
    }));
    await reply.postEphemeral({ text: say('style.list'), fields });
  },
});

const add = defineCommand({
  name: 'style add',
  description: 'describe.style.add',
  options: {
    name: { type: 'text', single: true, required: true, description: 'describe.name', example: 'oil' },
    template: {
      type: 'text',
      required: true,
      description: 'describe.style.template',
      example: '{prompt}, oil painting',
    },
    no: { type: 'text', flag: '--no', description: 'describe.style.no', example: 'text' },
    steps: {
      type: 'integer',
      flag: '--steps',
      description: 'describe.style.steps',
      min: 1,
      max: 150,
      example: '30',
    },
    cfg: { type: 'number', flag: '--cfg', description: 'describe.style.cfg', min: 0, max: 30, example: '6' },
  },
  examples: ['/style add oil {prompt}, oil painting --no photo'],
  async run({ name = '', template = '', no, steps, cfg }, context: Context<ConfigPorts>) {
    const settings = {
      ...(steps !== undefined && { num_inference_steps: steps }),
      ...(cfg !== undefined && { guidance_scale: cfg }),
    };
    const style = writeStyle({
      template,
      ...(no !== undefined && { negative: no }),
      ...(Object.keys(settings).length > 0 && { settings }),
    });
    await changeSetting(context, {
      key: `style.${styleName(name)}`,
      scope: 'server',
      target: '',
      after: style,
    });
  },
});

const remove = defineCommand({
  name: 'style remove',
  description: 'describe.style.remove',
  options: {
    name: { type: 'text', required: true, description: 'describe.name', example: 'oil' },
  },
  examples: ['/style remove oil'],
  async run({ name = '' }, context: Context<ConfigPorts>) {
    const own = [...(await context.ports.settings.styles(tenantOf(context.invocation))).keys()];
    const wanted = styleName(name);
    if (!own.includes(wanted)) {
      throw new DarkroomError(
        'bad_request',
        Object.hasOwn(OWN_STYLES, wanted)
          ? sentence('style.built_in', { name: wanted })
          : own.length > 0
            ? sentence('style.none', { name: wanted, offer: offer(wanted, own) })
            : sentence('style.none_added', { name: wanted }),
      );
    }
    await changeSetting(context, { key: `style.${wanted}`, scope: 'server', target: '' });
  },
});

export const style = defineGroup({ name: 'style', description: 'describe.style' }, [list, add, remove]);
