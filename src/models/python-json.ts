/** JSON as Python writes it. */

const NAN = '\u0000NaN';

/** JSON with Python's three additions; what stands within strings stays as it is. */
export function parsePythonJson(text: string): unknown {
  const plain = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (token) => {
    if (token === 'NaN') return JSON.stringify(NAN);
    if (token.endsWith('Infinity')) return token.startsWith('-') ? '-1e999' : '1e999';
    return token;
  });
  return JSON.parse(plain, (_, value: unknown) => (value === NAN ? Number.NaN : value));
}
