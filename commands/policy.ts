/** An admin's settings applied to a user: what they may request where, and what fills the gaps of a request. */
import type { Invocation } from '../adapters/adapter.ts';
import { traitsOf } from '../adapters/platforms.ts';
import { DarkroomError } from '../src/errors.ts';
import type { Share } from '../src/job.ts';
import { type GenerationRequest, LIMITS, type ModelDefaults, type RequestDraft } from '../src/request.ts';
import { type Sentence, sentence, type Words } from '../src/sentences.ts';
import { type Effective, resolveSettings } from '../src/settings/resolve.ts';
import type { SettingKey, SettingValue } from '../src/settings/schema.ts';
import type { Ports } from './ports.ts';

/** The tenant whose settings apply; a direct message of nobody's tenant has rules that only the operator can set. */
export const tenantOf = ({ where, platform }: Pick<Invocation, 'where' | 'platform'>) =>
  where.tenant ?? `${platform}:direct`;

export class Policy {
  readonly #effective: Effective;
  readonly #invocation: Invocation;
  readonly #isOperator: boolean;

  static async of(
    invocation: Invocation,
    { settings, admins }: Pick<Ports, 'settings' | 'admins'>,
  ): Promise<Policy> {
    const rules = await settings.rules(tenantOf(invocation));
    const { user, where } = invocation;
    return new Policy(
      resolveSettings(rules, { user: user.id, channel: where.channel, roles: where.roles }),
      invocation,
      admins.includes(user.id),
    );
  }

  constructor(effective: Effective, invocation: Invocation, isOperator: boolean) {
    this.#isOperator = isOperator;
    this.#effective = effective;
    this.#invocation = invocation;
  }

  get rules(): Effective {
    return this.#effective;
  }

  value(key: SettingKey): SettingValue | undefined {
    return this.#effective.get(key)?.value;
  }

  number(key: SettingKey): number | undefined {
    const value = this.value(key);
    return typeof value === 'number' ? value : undefined;
  }

  text(key: SettingKey): string | undefined {
    const value = this.value(key);
    return typeof value === 'string' ? value : undefined;
  }

  isOn(key: SettingKey): boolean {
    return this.value(key) === true;
  }

  #list(key: SettingKey): readonly string[] | undefined {
    const value = this.value(key);
    return Array.isArray(value) ? value : undefined;
  }

  /** "this channel's setting": where the rule comes from, for a refusal. */
  source(key: SettingKey): Sentence {
    const scope = this.#effective.get(key)?.scope ?? 'server';
    return sentence(`policy.whose.${scope}`);
  }

  /** @throws DarkroomError('forbidden') where this user may not request pictures here */
  requireEntry(): void {
    const { where, platform } = this.#invocation;
    if (this.isOn('banned')) throw forbid(sentence('policy.banned'));
    if (this.isOn('paused')) throw forbid(sentence('policy.paused'));
    const tenant = sentence(traitsOf(platform).tenant);
    if (where.tenant === undefined) throw forbid(sentence('policy.which_tenant', { tenant }));
    if (where.isDirect) this.#requireDirect(tenant);
    else this.#requireChannel();
    const roles = this.#list('roles');
    const isMember = roles?.some((one) => where.roles.some((role) => isSame(one, role, platform)));
    if (roles !== undefined && !isMember && !this.isAdmin()) {
      throw forbid(sentence('policy.only_roles', { roles }));
    }
  }

  #requireChannel(): void {
    const { where, platform } = this.#invocation;
    if (this.isOn('age_restricted') && !where.isAgeRestricted) {
      throw forbid(sentence('policy.age_restricted'));
    }
    const channels = this.#list('channels');
    if (channels !== undefined && !channels.some((one) => isSame(one, where.channel, platform))) {
      throw forbid(sentence('policy.other_channels', { channels }));
    }
  }

  /** Where pictures are limited to some channels, direct messages are not among them unless an admin says so. */
  #requireDirect(tenant: Sentence): void {
    const isLimited = this.isOn('age_restricted') || this.#list('channels') !== undefined;
    if ((this.value('direct_messages') ?? !isLimited) === true) return;
    throw forbid(sentence('policy.no_direct', { tenant }));
  }

  /** By which this user's jobs share the GPU here. */
  share(tenant: string): Share {
    const waiting = this.number('quota_waiting');
    const gpuSecondsPerDay = this.number('quota_gpu_seconds_per_day');
    const tenantGpuSecondsPerDay = this.number('server_gpu_seconds_per_day');
    const group = this.#invocation.where.quotaGroup;
    return {
      tenant,
      ...(group !== undefined && { group }),
      weight: this.number('weight') ?? 1,
      ...(waiting !== undefined && { waiting }),
      ...(gpuSecondsPerDay !== undefined && { gpuSecondsPerDay }),
      ...(tenantGpuSecondsPerDay !== undefined && { tenantGpuSecondsPerDay }),
    };
  }

  /** Whether the user decides about pictures that wait: an admin, or somebody with a role of review_roles who is not banned. */
  isReviewer(): boolean {
    const { where } = this.#invocation;
    if (this.isAdmin()) return true;
    return where.isOneOfSeveral !== true && !this.isOn('banned') && this.#hasRole('review_roles');
  }

  #hasRole(key: 'admin_roles' | 'review_roles'): boolean {
    const { where, platform } = this.#invocation;
    const groups = this.#list(key) ?? [];
    return groups.some((one) => where.roles.some((role) => isSame(one, role, platform)));
  }

  isAdmin(): boolean {
    const { where } = this.#invocation;
    if (this.#isOperator) return true;
    // In a direct message it is not clear which of several tenants is meant.
    if (where.isOneOfSeveral) return false;
    return where.isAdmin || this.#hasRole('admin_roles');
  }

  /** A model's defaults, lowered to the admin's limits: what nobody asked for is not refused. */
  limit(defaults: ModelDefaults): ModelDefaults {
    const steps = this.number('max_steps') ?? Number.POSITIVE_INFINITY;
    const side = this.number('max_size') ?? Number.POSITIVE_INFINITY;
    return {
      ...defaults,
      ...fitSize(defaults, side, defaults.sizeMultiple),
      numInferenceSteps: Math.min(defaults.numInferenceSteps, steps),
      maxSize: Math.min(defaults.maxSize, side),
    };
  }

  /** A model's defaults with the admin's rules for finished pictures: how large they may be, and what enlarges them. */
  withPictureRules(defaults: ModelDefaults): ModelDefaults {
    const upscaler = this.text('default_upscaler');
    const largestPicture = this.number('max_size');
    return {
      ...defaults,
      ...(upscaler !== undefined && { upscaler }),
      ...(largestPicture !== undefined && { largestPicture }),
    };
  }

  allowsModel(name: string): boolean {
    return this.#list('allowed_models')?.includes(name) ?? true;
  }

  /** Adds the admin's defaults, within the admin's limits, to a draft; what the user set stays. */
  fill(draft: RequestDraft): RequestDraft {
    const side = this.number('max_size') ?? Number.POSITIVE_INFINITY;
    const [ownWidth = 0, ownHeight = 0] = String(this.value('default_size') ?? '')
      .split('x')
      .map(Number);
    const { width, height } = fitSize({ width: ownWidth, height: ownHeight }, side);
    const hasSize = draft.width !== undefined || draft.height !== undefined || draft.image !== undefined;
    const negative = this.value('default_negative_prompt');
    const steps = this.number('default_steps');
    const guidance = this.number('default_guidance');
    const sampler = this.value('default_sampler');
    return {
      ...(steps !== undefined && {
        num_inference_steps: Math.min(steps, this.number('max_steps') ?? steps),
      }),
      ...(guidance !== undefined && { guidance_scale: guidance }),
      ...(sampler !== undefined && { sampler: String(sampler) }),
      ...(width && height && !hasSize ? { width, height } : {}),
      ...draft,
      ...(negative !== undefined && { negative_prompt: joinWords(draft.negative_prompt, String(negative)) }),
    };
  }

  /** @throws DarkroomError('forbidden') that names the value, the limit and whose it is */
  requireAllowed(request: GenerationRequest): void {
    const { model, numInferenceSteps, numImages, hires, upscaleImage, outpaint } = request;
    const { width, height } = upscaleImage ?? outpaint ?? hires ?? request;
    const models = this.#list('allowed_models');
    if (models !== undefined && !models.includes(model)) {
      throw new DarkroomError(
        'forbidden',
        sentence('policy.model', { model, whose: this.source('allowed_models'), models }),
      );
    }
    this.#requireAtMost('max_size', Math.max(width, height), `${width}x${height}`);
    this.#requireAtMost(
      'max_steps',
      numInferenceSteps,
      sentence('policy.steps', { steps: numInferenceSteps }),
    );
    this.#requireAtMost('max_count', numImages, sentence('policy.pictures', { count: numImages }));
  }

  #requireAtMost(key: 'max_size' | 'max_steps' | 'max_count', value: number, asked: Words): void {
    const most = this.number(key);
    if (most === undefined || value <= most) return;
    throw new DarkroomError(
      'forbidden',
      sentence('policy.at_most', { asked, whose: this.source(key), limit: most, key }),
    );
  }
}

const forbid = (words: Sentence) => new DarkroomError('forbidden', words);

/** A size whose longer side is at most so long, in the same proportion. */
function fitSize(
  { width, height }: { readonly width: number; readonly height: number },
  most: number,
  multiple: number = LIMITS.size.multiple,
) {
  const scale = Math.min(1, most / Math.max(width, height));
  if (scale === 1) return { width, height };
  const side = (pixels: number) => Math.max(multiple, Math.floor((pixels * scale) / multiple) * multiple);
  return { width: side(width), height: side(height) };
}

/** Ids carry their platform's name in front; what an admin typed may be the bare id or `#name`. */
function isSame(typed: string, id: string, platform: string): boolean {
  return typed === id || `${platform}:${typed.replace(/^[#@]/, '')}` === id;
}

function joinWords(own: string | undefined, common: string): string {
  if (own === undefined || own.trim() === '') return common;
  // The recipe of a picture made here has it already.
  return own === common || own.endsWith(`, ${common}`) ? own : `${own}, ${common}`;
}
