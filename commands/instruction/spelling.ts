/** Slips of the fingers in the words that instructions are made of: `maek it bleu`. */

const WORDS = [
  ...[
    'make',
    'change',
    'turn',
    'replace',
    'remove',
    'delete',
    'without',
    'instead',
    'background',
    'color',
    'colour',
  ],
  ...[
    'darker',
    'brighter',
    'lighter',
    'warmer',
    'cooler',
    'night',
    'sunset',
    'morning',
    'winter',
    'summer',
    'forest',
  ],
  ...['black', 'white', 'green', 'blue', 'yellow', 'orange', 'purple', 'pink', 'brown', 'golden', 'silver'],
  ...['watercolor', 'style', 'with', 'the', 'it', 'in', 'at', 'add', 'more', 'less'],
];
/** Short for one of them, or known slips that are further away. */
const SHORT: Readonly<Record<string, string>> = {
  ...{
    'w/o': 'without',
    'w/out': 'without',
    'w/': 'with',
    bg: 'background',
    b: 'be',
    colr: 'color',
    clor: 'color',
  },
  ...{
    bleu: 'blue',
    gren: 'green',
    grn: 'green',
    yelow: 'yellow',
    ornage: 'orange',
    purpel: 'purple',
    nite: 'night',
  },
};
/** Words of their own that are one slip away. */
const OTHERS: readonly string[] = [
  'back',
  'ad',
  'tome',
  'moe',
  'les',
  'tun',
  'tuna',
  'grey',
  'wit',
  'add',
  'pin',
  'brow',
  'sliver',
  'lack',
  'backs',
];

/** @returns the text as it is where nothing in it looks like a slip */
export function mend(text: string): string {
  return text.replace(/^ad (?=(?:an?|the|some) )/i, 'add ').replaceAll(/[\p{L}/]+/gu, (word) => {
    const plain = word.toLowerCase();
    if (Object.hasOwn(SHORT, plain)) return SHORT[plain]!;
    if (WORDS.includes(plain) || OTHERS.includes(plain)) return word;
    return WORDS.find((one) => isSlip(plain, one)) ?? word;
  });
}

/** Two letters that changed places, or, in words of four letters and more, one that is missing or there twice. */
function isSlip(typed: string, meant: string): boolean {
  if (typed.length === meant.length) {
    const first = [...typed].findIndex((letter, i) => letter !== meant[i]);
    const swapped = typed.slice(0, first) + typed[first + 1] + typed[first] + typed.slice(first + 2);
    return swapped === meant;
  }
  if (meant.length < 4) return false;
  if (typed.length === meant.length - 1) {
    return [...meant].some((_, i) => i > 0 && meant.slice(0, i) + meant.slice(i + 1) === typed);
  }
  // A letter typed twice.
  return (
    typed.length === meant.length + 1 && typed.replaceAll(/(.)\1/g, '$1') === meant.replaceAll(/(.)\1/g, '$1')
  );
}
