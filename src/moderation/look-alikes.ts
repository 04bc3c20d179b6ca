/**
 * Letters of other alphabets that look like one of a to z, 0 to 9: those of Unicode's confusables (Unicode Technical
 * Standard 39, https://www.unicode.org/Public/security/latest/confusables.txt) that NFKC, lower case and the loss of
 * accents leave as they are. A table of our own, since the packages that have one are years old or carry all of Unicode.
 */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  2: 'ƨϩᒿꙅꛯꝛ',
  3: 'ȝɜʒзӡⳍꝫ𑣊𖼻',
  4: 'ꮞ𑣏',
  5: '𑣛',
  6: 'бⳓꮾ𑣕',
  7: '𐓺𑣆',
  8: 'ȣ৪੪𐌚',
  9: '৭੧୨൭ⳋꝯ𑣌𑣖',
  a: 'ɑαаᗅꓮꭺ𐊠𖽀',
  b: 'ƅβвьᏼᑲᖯᗷꓐꞵꮟ𐊂𐊡𐌁',
  c: 'ςсᴄⲥꓚꮯ𐊢𐌂𐐽𐔜𑣩𑣲',
  d: 'ԁᑯᗞᗪꓒꓓꭰꮷ',
  e: 'εеҽⴹꓰꬲꭼ𐊆𑣎',
  f: 'ϝքᖴẝꓝꞙꬵ𐊇𐊥𐔥𑣂',
  g: 'ƍɡԍցᏻᶃꓖꮐ',
  h: 'ηнһհᕼⲏꓧꮋꮒ𐋏',
  i: 'ıɩɪιіӏꙇꭵ𑣃',
  j: 'ʝϳјᒍꓙꭻ',
  k: 'κкᛕⲕꓗꮶ𐔘',
  l: 'ǀ۱ᒪᛁⲓⳑⵏꓡꓲꮮ𐊊𐌉𐌠𐑃𐔦𑣒𖼖𖼨',
  m: 'μϻмᗰᛖⲙꓟꮇ𐊰𐌑',
  n: 'ոռⲛꓠ𐔓',
  o: 'οσоօ۵०০੦૦ଠ୦௦౦೦ഠ൦๐໐ဝ၀ჿዐᴏᴑⲟⵔ〇ꓳꬽ𐊒𐊫𐐬𐓪𐔖𑓐𑣈𑣗𑣠',
  p: 'ρрᑭⲣꓑꮲ𐊕',
  q: 'ԛգզⵕ',
  r: 'ʀгᖇᴦⲅꓣꭇꭈꭱꮁꮢ𐓜𖼵',
  s: 'ƽѕտꓢꜱꮥꮪ𐊖𐑈𑣁𖼺',
  t: 'τтⲧꓔꭲ𐊗𐊱𐌕𖼊',
  u: 'ʋυսሀᑌᴜꓴꞟꭎꭒ𐓶𑣘𖽂',
  v: 'νѵ۷ᐯᴠⴸꓦꛟꮩ𐔝𑜆𑣀𖼈',
  w: 'ɯѡԝաᴡꓪꮃꮤ𑜊𑜎𑜏𑣦𑣯',
  x: 'χхᕁᕽᚷⲭⵝꓫꭓ𐊐𐊴𐌗𐌢𐔧𑣬',
  y: 'ɣʏγуүყᶌỿⲩꓬꭚꭹꮍ𐊲𑣜𖽃',
  z: 'ζᴢꓜꮓ𐋵𑣄𑣉𑣥',
};

const OF_LETTER = new Map(
  Object.entries(LOOK_ALIKES).flatMap(([letter, alike]) =>
    Array.from(alike, (one) => [one, letter] as const),
  ),
);

/** Letters in boxes and flags, which NFKC leaves as they are: the first of each 26. */
const ALPHABETS = [0x1f150, 0x1f170, 0x1f1e6];

/** The letter of a to z, 0 to 9 that a character looks like; the character itself where it looks like none. */
export function letterOf(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x80) return character;
  const first = ALPHABETS.find((one) => code >= one && code < one + 26);
  if (first !== undefined) return String.fromCharCode(0x61 + code - first);
  return OF_LETTER.get(character) ?? character;
}
