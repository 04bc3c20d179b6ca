/**
 * The words of a prompt as they are searched, in every script. Letters with marks are those without; scripts that put no
 * spaces between words (and Korean, which joins particles to them) are cut into pairs of characters.
 */

/** Words of one prompt that are kept, and characters of one word. */
const MOST = { words: 400, characters: 64 };
/** Runs of letters and digits, with the marks that belong to them. */
const RUN = /[\p{L}\p{N}\p{M}]+/gu;
const PAIRED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/gu;
/** Marks of scripts whose readers leave them out: é is e. */
const MARKS = /(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])\p{Mn}+/gu;

/** @returns what is stored: each word once */
export function wordsIn(text: string): string[] {
  const words = new Set<string>();
  for (const { run, isPaired } of runsIn(text)) {
    if (!isPaired) words.add(run);
    else for (const pair of pairsOf(run, true)) words.add(pair);
  }
  return [...words].slice(0, MOST.words);
}

/** @returns a tsquery that finds all of the words, each by how it begins; undefined where there are none */
export function queryOf(text: string): string | undefined {
  const terms = runsIn(text).flatMap(({ run, isPaired }) => {
    // One character stands in front of any pair.
    if (!isPaired || [...run].length === 1) return [`'${run}':*`];
    return pairsOf(run, false).map((pair) => `'${pair}'`);
  });
  return terms.length === 0 ? undefined : [...new Set(terms)].slice(0, MOST.words).join(' & ');
}

function runsIn(text: string): { readonly run: string; readonly isPaired: boolean }[] {
  const plain = text.normalize('NFKD').replaceAll(MARKS, '').normalize('NFC').toLowerCase();
  const found: { run: string; isPaired: boolean }[] = [];
  const cut = (run: string, isPaired: boolean) => {
    const short = [...run].slice(0, MOST.characters).join('');
    if (short !== '') found.push({ run: short, isPaired });
  };
  for (const [whole] of plain.matchAll(RUN)) {
    let at = 0;
    for (const { 0: paired, index } of whole.matchAll(PAIRED)) {
      cut(whole.slice(at, index), false);
      cut(paired, true);
      at = index + paired.length;
    }
    cut(whole.slice(at), false);
  }
  return found;
}

/** @param withLast the last character by itself too, so that it is found alone */
function pairsOf(run: string, withLast: boolean): string[] {
  const characters = [...run];
  const pairs = characters.slice(1).map((one, i) => `${characters[i]!}${one}`);
  return withLast ? [...pairs, characters.at(-1)!] : pairs;
}
