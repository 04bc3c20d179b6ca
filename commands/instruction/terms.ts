/** Words of prompts that stand for each other: colours, times, places and styles, in English and Korean. */

export interface Term {
  /** As it is written into a prompt: `blue`, `at night`. */
  readonly en: string;
  readonly ko?: string;
  /** Other ways of writing it. */
  readonly also?: readonly string[];
}

const term = (en: string, ko?: string, ...also: string[]): Term => ({ en, ...(ko && { ko }), also });

export const COLOURS: readonly Term[] = [
  term('red', '빨간', '빨간색', '빨강', '빨갛게', '붉은', 'crimson', 'scarlet', '\u{1f534}', '\u{1f7e5}'),
  term('orange', '주황색', '주황', '오렌지색', '\u{1f7e0}', '\u{1f7e7}', '\u{1f9e1}'),
  term('yellow', '노란', '노란색', '노랑', '노랗게', '\u{1f7e1}', '\u{1f7e8}', '\u{1f49b}'),
  term('green', '초록색', '초록', '녹색', '\u{1f7e2}', '\u{1f7e9}', '\u{1f49a}'),
  term('blue', '파란', '파란색', '파랑', '파랗게', '푸른', 'navy', '\u{1f535}', '\u{1f7e6}', '\u{1f499}'),
  term('purple', '보라색', '보라', 'violet', '\u{1f7e3}', '\u{1f7ea}', '\u{1f49c}'),
  term('pink', '분홍색', '분홍', '핑크', '핑크색', 'magenta'),
  term('brown', '갈색', 'beige', '\u{1f7e4}', '\u{1f7eb}', '\u{1f90e}'),
  term('black', '검은', '검은색', '검정', '까만', '까맣게', '\u{26ab}', '\u{2b1b}', '\u{1f5a4}'),
  term('white', '하얀', '하얀색', '흰', '흰색', '하얗게', '\u{26aa}', '\u{2b1c}', '\u{1f90d}'),
  term('gray', '회색', 'grey'),
  term('gold', '금색', 'golden'),
  term('silver', '은색'),
  term('turquoise', '청록색', 'teal', 'cyan'),
];

/** Things by their names in both languages, where one takes the place of another. */
export const THINGS: readonly Term[] = [
  term('background', '배경'),
  term('mug', '머그잔', '머그', '머그컵'),
  term('cup', '컵', '잔'),
  term('teapot', '찻주전자', '주전자'),
  term('apple', '사과'),
  term('cat', '고양이', '냥이', '야옹이'),
  term('dog', '강아지', '개', '멍멍이'),
  term('fish', '물고기', '생선'),
  term('bird', '새'),
  term('rabbit', '토끼'),
  term('bear', '곰'),
  term('fox', '여우'),
  term('tiger', '호랑이'),
  term('lion', '사자'),
  term('horse', '말'),
  term('dragon', '용'),
  term('car', '자동차', '차'),
  term('boat', '배'),
  term('rocket', '로켓'),
  term('house', '집'),
  term('castle', '성'),
  term('tree', '나무'),
  term('flower', '꽃'),
  term('chair', '의자'),
  term('table', '탁자', '테이블', '책상'),
  term('lamp', '램프', '등'),
  term('star', '별'),
  term('balloon', '풍선'),
  term('hot air balloon', '열기구'),
  term('umbrella', '우산'),
  term('robot', '로봇'),
  term('shoe', '신발'),
  term('bottle', '병'),
  term('watch', '손목시계', '시계'),
  term('phone', '휴대폰', '핸드폰', '전화기'),
  term('bag', '가방'),
  term('hat', '모자'),
  term('dress', '드레스', '원피스'),
  term('person', '사람'),
  term('man', '남자'),
  term('woman', '여자', '여성'),
  term('girl', '소녀'),
  term('boy', '소년'),
  term('book', '책'),
  term('spoon', '숟가락'),
  term('moon', '달'),
  term('sun', '해', '태양'),
  term('cloud', '구름'),
];

export const TIMES: readonly Term[] = [
  term('at night', '밤', 'by night', 'night', 'nighttime', 'night time'),
  term('by day', '낮', 'in daylight', 'daylight', 'daytime', 'at day', 'day'),
  term('at sunset', '노을', 'sunset', '석양', '일몰'),
  term('at sunrise', '일출', 'sunrise'),
  term('at dawn', '새벽', 'dawn'),
  term('at dusk', '해질녘', 'dusk', 'at twilight', 'twilight'),
  term('at noon', '정오', 'noon'),
  term('in the morning', '아침', 'morning'),
  term('in the evening', '저녁', 'evening'),
  term('at midnight', '한밤중', 'midnight'),
  term('in winter', '겨울', 'winter'),
  term('in summer', '여름', 'summer'),
  term('in autumn', '가을', 'autumn', 'in fall'),
  term('in spring', '봄', 'in springtime'),
];

/** Only those with a Korean name: an English place is known by its preposition. */
export const PLACES: readonly Term[] = [
  term('at the beach', '해변의', '해변', '바닷가', '바닷가의'),
  term('in a forest', '숲속의', '숲', '숲속', '숲의'),
  term('in the city', '도시의', '도시'),
  term('in a city street', '거리의', '거리'),
  term('in a desert', '사막의', '사막'),
  term('in the sky', '하늘의', '하늘'),
  term('in the snow', '눈밭의', '눈밭'),
  term('in a meadow', '초원의', '초원'),
  term('on a stage', '무대의', '무대'),
  term('in the mountains', '산속의', '산', '산속'),
  term('on a table', '탁자 위의', '탁자 위', '탁자', '책상 위', '책상 위의'),
];

export const STYLES: readonly Term[] = [
  term('watercolor', '수채화', 'watercolour', 'watercolor painting', 'watercolour painting'),
  term('ink drawing', '잉크 그림', 'ink', '잉크'),
  term('pixel art', '픽셀 아트', '픽셀아트', 'pixelart', 'pixel-art'),
  term('pastel', '파스텔', 'soft pastel', 'pastel drawing'),
  term('neon cyberpunk', '사이버펑크', 'cyberpunk'),
  term('flat illustration', '일러스트', 'illustration'),
  term('oil painting', '유화', 'oil'),
  term('pencil sketch', '연필 스케치', 'pencil drawing', 'pencil', 'sketch'),
  term('photo', '사진', 'photograph', 'photorealistic', 'realistic'),
  term('painting', '회화'),
  term('drawing', '소묘'),
  term('cartoon', '만화', 'comic', 'manga'),
  term('anime', '애니메이션'),
  term('line art', '선화', 'lineart'),
  term('black and white', '흑백', 'monochrome', 'greyscale', 'grayscale'),
  term('3d render', '3D 렌더링', 'render'),
];

const tone = (en: string, ko: string, ...also: string[]) => term(en, ko, ...also);

/** What a picture can be more or less of; two of a row are opposites. */
export const TONES: readonly (readonly Term[])[] = [
  [
    tone(
      'darker',
      '더 어둡게',
      'more dark',
      'too bright',
      'too light',
      'less bright',
      '어둡게',
      '너무 밝아',
      '어둡게요',
    ),
    tone(
      ...(['brighter', '더 밝게', 'more bright', 'lighter', 'more light', 'too dark', 'less dark'] as const),
      ...['lighten it up', 'brighten it', 'brighten it up', 'lighten it', '밝게', '너무 어두워'],
    ),
  ],
  [
    tone(
      'warmer',
      '더 따뜻하게',
      'more warm',
      'warmer colors',
      'warmer colours',
      'too cold',
      'less cold',
      '따뜻하게',
    ),
    tone('cooler', '더 차갑게', 'colder', 'more cold', 'more cool', 'too warm', 'less warm', '차갑게'),
  ],
  [
    tone('softer', '더 부드럽게', 'more soft', 'too sharp', 'less sharp', '부드럽게'),
    tone('sharper', '더 선명하게', 'more sharp', 'crisper', 'too blurry', 'less blurry', '선명하게'),
  ],
  [
    tone(
      'more colorful',
      '더 화려하게',
      'more colourful',
      'more vivid',
      'more saturated',
      'too dull',
      '화려하게',
    ),
    tone(
      'muted colors',
      '더 차분하게',
      'less colorful',
      'less colourful',
      'less saturated',
      'too colorful',
      '차분하게',
    ),
  ],
  [
    tone(
      'close-up',
      '클로즈업',
      'closeup',
      'close up',
      'closer',
      'zoom in',
      'zoom in a bit',
      'zoom in more',
      '더 가까이',
      '가까이',
    ),
    tone(
      'wide shot',
      '멀리서 본 모습',
      'from further away',
      'further away',
      'farther away',
      '더 멀리',
      '멀리서',
    ),
  ],
  [
    tone('more detailed', '더 자세하게', 'more details', 'more detail', 'too simple', '자세하게'),
    tone('simpler', '더 단순하게', 'more simple', 'less detailed', 'fewer details', 'too busy', '단순하게'),
  ],
];

/** Whether a prompt is written in Korean. */
export const isKorean = (text: string) => /\p{Script=Hangul}/u.test(text);

export const writtenFor = ({ en, ko }: Term, prompt: string) => (isKorean(prompt) ? (ko ?? en) : en);

const spellings = ({ en, ko, also = [] }: Term) => [en, ...(ko ? [ko] : []), ...also];

/** @returns the term that a text is, whole */
export function termOf(text: string, terms: readonly Term[]): Term | undefined {
  const plain = text.trim().toLowerCase();
  return terms.find((one) => spellings(one).some((spelling) => spelling.toLowerCase() === plain));
}

/** A text as a part of a regular expression. */
export const literal = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Finds any of the terms as words of a text, the longest first. */
export function patternOf(terms: readonly Term[]): RegExp {
  const all = terms.flatMap(spellings).toSorted((a, b) => b.length - a.length);
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${all.map(literal).join('|')})(?![\\p{L}\\p{N}])`, 'iu');
}
