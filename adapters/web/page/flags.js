// @ts-check
/** The flags of a line: read from it, and written into it, so that the rest of the line stays as it is. */

/**
 * @typedef {{ flag: string, aliases: readonly string[], isWords: boolean }} Flag `isWords` where the value goes on to the
 *   next flag
 */

/** A flag with its value: `--seed 7`, `--seed=7`, `--no "a and b"`, `--no a and b`. @param {Flag} flag */
const pattern = ({ flag, aliases }) =>
  new RegExp(
    `(^|\\s)(?:${[flag, ...aliases].join('|')})(?:(?:=|\\s+)("[^"]*"|[^\\s"-]\\S*|-\\d\\S*)((?:\\s+(?!--)[^\\s"]+)*))?(?=\\s|$)`,
    'g',
  );

/** @param {string} line @param {Flag} flag @returns {string | undefined} the value that holds, the last one; undefined where it is not there */
export function readFlag(line, flag) {
  const found = [...line.matchAll(pattern(flag))].at(-1);
  if (found === undefined) return undefined;
  const [, , value = '', more = ''] = found;
  return flag.isWords && !value.startsWith('"') ? `${value}${more}` : value.replaceAll('"', '');
}

/**
 * @param {string} line
 * @param {Flag} option
 * @param {string} value '' takes the flag out of the line
 * @returns {string} the line with that value alone
 */
export function writeFlag(line, option, value) {
  const { flag, isWords } = option;
  const clean = value.replaceAll('"', '').trim();
  const quoted = isWords || /\s/.test(clean) ? `"${clean}"` : clean;
  const written = clean === '' ? '' : `${flag} ${quoted}`;
  let isPlaced = false;
  const changed = line.replaceAll(pattern(option), (_, before, given = '', more = '') => {
    const rest = isWords && !given.startsWith('"') ? '' : more;
    const own = isPlaced ? '' : written;
    isPlaced = true;
    return `${own === '' ? '' : before}${own}${rest}`;
  });
  const whole = isPlaced || written === '' ? changed : `${line.trimEnd()} ${written}`;
  return whole.trimStart();
}
