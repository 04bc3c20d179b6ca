/** What the licences of models allow. Facts of the licences' own texts, not advice; an admin's word goes before them. */
import { type Sentence, sentence } from './sentences.ts';

/** What somebody says of a model: in its files, or in chat. */
export interface Terms {
  /** An id of the SPDX list or of the Hugging Face Hub, or words. */
  readonly licence?: string;
  /** Whether it allows commercial use, where that is said beside its name. */
  readonly commercial?: boolean;
}

export interface CommercialUse {
  /** `conditional`: below a limit that nobody here knows whether it is kept. */
  readonly allows: 'yes' | 'no' | 'conditional' | 'unknown';
  readonly condition?: Sentence;
}

const YES: CommercialUse = { allows: 'yes' };
const NO: CommercialUse = { allows: 'no' };
const UNKNOWN: CommercialUse = { allows: 'unknown' };
const below = (condition: Sentence): CommercialUse => ({ allows: 'conditional', condition });

/** A year's revenue in US dollars, of the Stability AI Community License (2024). */
const STABILITY = below(sentence('licence.if_revenue', { amount: '1,000,000' }));
/** Users a month, of the Playground v2.5 Community License and of the Tencent Hunyuan Community License. */
const PLAYGROUND = below(sentence('licence.if_users', { amount: '1,000,000' }));
const HUNYUAN = below(sentence('licence.if_users', { amount: '100,000,000' }));
/** Changed models that serve others must be published under the same licence (Fair AI Public License 1.0-SD). */
const FAIR = below(sentence('licence.if_shared'));

/** By the id as plainId() writes it. OpenRAIL licences limit what is drawn, not who earns by it. */
const KNOWN: ReadonlyMap<string, CommercialUse> = new Map([
  ...[
    ...[
      'apache-2.0',
      'mit',
      'isc',
      'bsd',
      'bsd-2-clause',
      'bsd-3-clause',
      '0bsd',
      'zlib',
      'unlicense',
      'wtfpl',
    ],
    ...['cc0-1.0', 'cc-by-2.0', 'cc-by-3.0', 'cc-by-4.0', 'cc-by-sa-3.0', 'cc-by-sa-4.0', 'cc-by-nd-4.0'],
    ...[
      'gpl-2.0',
      'gpl-3.0',
      'lgpl-2.1',
      'lgpl-3.0',
      'agpl-3.0',
      'mpl-2.0',
      'epl-2.0',
      'eupl-1.2',
      'ecl-2.0',
    ],
    ...['afl-3.0', 'artistic-2.0', 'bsl-1.0', 'ms-pl', 'osl-3.0', 'pddl', 'odc-by', 'cdla-permissive-2.0'],
    ...[
      'openrail',
      'openrail++',
      'openrail-m',
      'openrail++-m',
      'creativeml-openrail-m',
      'creativeml-openrail++-m',
    ],
    ...['bigscience-openrail-m', 'apache', 'cc0', 'public-domain'],
  ].map((id) => [id, YES] as const),
  ...[
    ...['sai-nc-community', 'stable-video-diffusion-nc-community', 'stabilityai-nc-research-community'],
    ...[
      'flux-1-dev-non-commercial-license',
      'flux-dev-non-commercial-license',
      'flux-non-commercial-license',
    ],
    ...['deepfloyd-if-license', 'apple-amlr'],
  ].map((id) => [plainId(id), NO] as const),
  ...[
    'stabilityai-ai-community',
    'stabilityai-community',
    'stability-ai-community',
    'stable-cascade-community',
  ].map((id) => [id, STABILITY] as const),
  ['playground-v2dot5-community', PLAYGROUND],
  ['tencent-hunyuan-community', HUNYUAN],
  ['fair-ai-public-1.0-sd', FAIR],
  ['faipl-1.0-sd', FAIR],
]);

/** Names that say it themselves: `cc-by-nc-sa-4.0`, `Research Only`. */
const SAYS_NO = /(?:^|-)(?:nc|noncommercial|non-commercial|research-only|no-commercial-use)(?:-|$)/;

/** `The Apache License, Version 2.0` as `apache-2.0`: ids and names of one licence become the same. */
function plainId(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[\s_,:;()[\]/]+/g, '-')
    .split('-')
    .filter((word) => !['', 'the', 'license', 'licence', 'version'].includes(word))
    .map((word) => (/^v\d/.test(word) ? word.slice(1) : word))
    .join('-')
    .replace(/^creativeml-open-rail/, 'creativeml-openrail')
    .replace(/^(apache|mpl|gpl|lgpl|agpl)-(\d)$/, '$1-$2.0')
    .replace(/^([al]?gpl-[\d.]+)-(?:only|or-later)$/, '$1');
}

/** What a licence is known to allow; a statement beside its name goes before what the name says. */
export function commercialUse({ licence, commercial }: Terms): CommercialUse {
  if (commercial !== undefined) return commercial ? YES : NO;
  if (licence === undefined) return UNKNOWN;
  const id = plainId(licence.slice(0, 200));
  return KNOWN.get(id) ?? (SAYS_NO.test(id) ? NO : UNKNOWN);
}

/**
 * Whether Civitai's permissions allow to sell pictures. They were a level that includes the ones below it, and are a list
 * now (Civitai's REST API, `allowCommercialUse`).
 * @returns undefined for what is no permission
 */
export function civitaiAllows(uses: unknown): boolean | undefined {
  if (Array.isArray(uses)) return uses.includes('Image');
  if (typeof uses !== 'string') return undefined;
  // Some answers write the list as PostgreSQL does.
  if (uses.startsWith('{')) return civitaiAllows(uses.slice(1, -1).split(','));
  return ['Image', 'Rent', 'Sell'].includes(uses);
}
