/** /style: named presets that an admin adds in chat. */
import { DarkroomError, offerNames } from '../src/errors.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { tenantOf } from './policy.ts';
import { type ConfigPorts, changeSetting } from './setting-change.ts';
import { allStyles, OWN_STYLES, styleName, writeStyle } from './styles.ts';

const list = defineCommand({
  name: 'style list',
  description: 'List the styles.',
  options: {},
  examples: ['/style list'],
  async run(_values, { invocation, reply, ports }: Context<ConfigPorts>) {
    const styles = allStyles(await ports.settings.styles(tenantOf(invocation)));
    const fields = [...styles].map(([name, { template, negative }]) => ({
      name,
      value: negative === undefined ? template : `${template}\nwithout: ${negative}`,
    }));
    await reply.postEphemeral({ text: 'Styles for /imagine --style:', fields });
  },
});

const add = defineCommand({
  name: 'style add',
  description: 'Add a style, or change one.',
  options: {
    name: { type: 'text', single: true, required: true, description: 'Its name.', example: 'oil' },
    template: {
      type: 'text',
      required: true,
      description: 'The prompt, with {prompt} where the words of the user go.',
      example: '{prompt}, oil painting',
    },
    no: { type: 'text', flag: '--no', description: 'What its pictures should not show.', example: 'text' },
    steps: {
      type: 'integer',
      flag: '--steps',
      description: 'Number of steps.',
      min: 1,
      max: 150,
      example: '30',
    },
    cfg: { type: 'number', flag: '--cfg', description: 'Guidance scale.', min: 0, max: 30, example: '6' },
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
  description: 'Remove a style that was added.',
  options: {
    name: { type: 'text', required: true, description: 'Its name.', example: 'oil' },
  },
  examples: ['/style remove oil'],
  async run({ name = '' }, context: Context<ConfigPorts>) {
    const own = [...(await context.ports.settings.styles(tenantOf(context.invocation))).keys()];
    const wanted = styleName(name);
    if (!own.includes(wanted)) {
      throw new DarkroomError(
        'bad_request',
        wanted in OWN_STYLES
          ? `${wanted} is built in. Add a style of the same name to replace it.`
          : `There is no style ${wanted}. ${own.length > 0 ? offerNames(wanted, own) : 'No styles have been added yet.'}`,
      );
    }
    await changeSetting(context, { key: `style.${wanted}`, scope: 'server', target: '' });
  },
});

export const style = defineGroup(
  { name: 'style', description: 'Styles: presets that are added to a prompt.' },
  [list, add, remove],
);
