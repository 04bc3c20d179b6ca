/** /style: named presets. Admins add them for everybody, and everybody may have some of their own. */
import { randomUUID } from 'node:crypto';
import { traitsOf } from '../adapters/platforms.ts';
import { DarkroomError, offer } from '../src/errors.ts';
import { type Say, sentence } from '../src/sentences.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { Policy, tenantOf } from './policy.ts';
import { describeStyle } from './setting-cards.ts';
import { type ConfigPorts, changeSetting } from './setting-change.ts';
import {
  allStyles,
  MOST_OWN_STYLES,
  OWN_STYLES,
  ownStylesOf,
  personOf,
  type Style,
  styleName,
  stylesFor,
  writeStyle,
} from './styles.ts';

type StyleContext = Context<ConfigPorts>;

const MINE = {
  type: 'choice',
  choices: ['on', 'off'],
  implied: 'on',
  flag: '--mine',
  example: 'on',
} as const;

const fieldValue = ({ template, negative }: Style, say: Say) =>
  negative === undefined ? template : say('style.without', { template, negative });

const list = defineCommand({
  name: 'style list',
  description: 'describe.style.list',
  options: {},
  examples: ['/style list'],
  async run(_values, { invocation, reply, say, ports }: StyleContext) {
    const own = allStyles(await ownStylesOf(ports.settings, invocation.user.id), {});
    const shared = allStyles(await ports.settings.styles(tenantOf(invocation)));
    const fields = [
      ...[...own].map(([name, style]) => ({
        name: say('style.yours', { name }),
        value: fieldValue(style, say),
      })),
      ...[...shared].map(([name, style]) => ({
        name: own.has(name) ? say('style.hidden', { name }) : name,
        value: fieldValue(style, say),
      })),
    ];
    await reply.postEphemeral({ text: say('style.list'), fields });
  },
});

const show = defineCommand({
  name: 'style show',
  description: 'describe.style.show',
  options: {
    name: { type: 'text', required: true, description: 'describe.name', example: 'oil' },
  },
  examples: ['/style show watercolor'],
  async run({ name = '' }, { invocation, reply, say, ports }: StyleContext) {
    const { settings } = ports;
    const wanted = styleName(name);
    const own = await ownStylesOf(settings, invocation.user.id);
    const shared = await settings.styles(tenantOf(invocation));
    const built = Object.hasOwn(OWN_STYLES, wanted) ? JSON.stringify(OWN_STYLES[wanted]) : undefined;
    const text = own.get(wanted) ?? shared.get(wanted) ?? built;
    if (text === undefined) {
      const names = [...(await stylesFor(settings, tenantOf(invocation), invocation.user.id)).keys()];
      throw new DarkroomError(
        'bad_request',
        sentence('style.none', { name: wanted, offer: offer(wanted, names) }),
      );
    }
    const whose = own.has(wanted)
      ? 'style.is_yours'
      : shared.has(wanted)
        ? 'style.is_shared'
        : 'style.is_built_in';
    const isHiding = own.has(wanted) && (shared.has(wanted) || built !== undefined);
    await reply.postEphemeral({
      text: say.words(sentence('config.style', { name: wanted, style: describeStyle(text) })),
      notes: [say(whose), ...(isHiding ? [say('style.precedence', { name: wanted })] : [])],
    });
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
    mine: { ...MINE, description: 'describe.style.mine' },
  },
  examples: [
    '/style add oil {prompt}, oil painting --no photo',
    '/style add night {prompt}, at night --mine',
  ],
  async run({ name = '', template = '', no, steps, cfg, mine }, context: StyleContext) {
    const settings = {
      ...(steps !== undefined && { num_inference_steps: steps }),
      ...(cfg !== undefined && { guidance_scale: cfg }),
    };
    const style = writeStyle({
      template,
      ...(no !== undefined && { negative: no }),
      ...(Object.keys(settings).length > 0 && { settings }),
    });
    const wanted = styleName(name);
    if (mine === 'on') return keepOwn(wanted, style, context);
    await requireAdminOrMine(context);
    await changeSetting(context, { key: `style.${wanted}`, scope: 'server', target: '', after: style });
  },
});

const remove = defineCommand({
  name: 'style remove',
  description: 'describe.style.remove',
  options: {
    name: { type: 'text', required: true, description: 'describe.name', example: 'oil' },
    mine: { ...MINE, description: 'describe.style.remove_mine' },
  },
  examples: ['/style remove oil'],
  async run({ name = '', mine }, context: StyleContext) {
    const { invocation, ports } = context;
    const wanted = styleName(name);
    const own = await ownStylesOf(ports.settings, invocation.user.id);
    if (mine !== 'off' && own.has(wanted)) return removeOwn(wanted, context);
    const shared = [...(await ports.settings.styles(tenantOf(invocation))).keys()];
    const known = mine === 'on' ? [...own.keys()] : [...own.keys(), ...shared];
    if (mine === 'on' || !shared.includes(wanted)) {
      throw new DarkroomError(
        'bad_request',
        Object.hasOwn(OWN_STYLES, wanted)
          ? sentence('style.built_in', { name: wanted })
          : known.length > 0
            ? sentence('style.none', { name: wanted, offer: offer(wanted, known) })
            : sentence('style.none_added', { name: wanted }),
      );
    }
    await changeSetting(context, { key: `style.${wanted}`, scope: 'server', target: '' });
  },
});

async function requireAdminOrMine({ invocation, ports }: StyleContext): Promise<void> {
  if ((await Policy.of(invocation, ports)).isAdmin()) return;
  const admins = sentence(traitsOf(invocation.platform).admins);
  throw new DarkroomError('forbidden', sentence('style.only_mine', { admins }));
}

async function keepOwn(name: string, style: string, context: StyleContext): Promise<void> {
  const { invocation, reply, say, ports } = context;
  const { settings } = ports;
  const own = await ownStylesOf(settings, invocation.user.id);
  if (!own.has(name) && own.size >= MOST_OWN_STYLES) {
    throw new DarkroomError('too_many', sentence('style.too_many', { limit: MOST_OWN_STYLES }));
  }
  await changeOwn(name, style, context);
  const others = allStyles(await settings.styles(tenantOf(invocation)));
  await reply.postEphemeral({
    text: say.words(sentence('config.style', { name, style: describeStyle(style) })),
    notes: [
      say(own.has(name) ? 'style.own_changed' : 'style.own_added', { name }),
      ...(others.has(name) ? [say('style.precedence', { name })] : []),
    ],
  });
}

async function removeOwn(name: string, context: StyleContext): Promise<void> {
  const { invocation, reply, say, ports } = context;
  await changeOwn(name, undefined, context);
  const others = allStyles(await ports.settings.styles(tenantOf(invocation)));
  await reply.postEphemeral({
    text: say('style.own_removed', { name }),
    ...(others.has(name) && { notes: [say('style.again_shared', { name })] }),
  });
}

/** Nobody else's setting: it stands in no tenant's history and no log. */
async function changeOwn(name: string, after: string | undefined, { invocation, ports }: StyleContext) {
  const { id, name: called } = invocation.user;
  await ports.settings.apply({
    id: randomUUID(),
    tenant: personOf(id),
    at: Date.now(),
    author: { id, name: called },
    ...{ key: `style.${name}`, scope: 'user', target: id },
    ...(after !== undefined && { after }),
  });
}

export const style = defineGroup(
  { name: 'style', description: 'describe.style', usual: { word: 'show', words: 'add' } },
  [list, show, add, remove],
);
