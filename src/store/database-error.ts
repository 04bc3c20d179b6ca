/**
 * A database's error as it may be logged: PostgreSQL's own words, and PGlite's copy of a statement's parameters, repeat
 * prompts, names and tokens. What remains is the code, the place, and the statement, which is our own constant text.
 */
export class DatabaseError extends Error {
  /** SQLSTATE, or a system error's code; empty where there is none. */
  readonly code: string;
  readonly severity: string;

  private constructor(message: string, code: string, severity: string) {
    super(message);
    this.name = 'DatabaseError';
    this.code = code;
    this.severity = severity;
  }

  /** @param statement the SQL that failed, without its parameters */
  static of(error: unknown, statement: string): DatabaseError {
    if (error instanceof DatabaseError) return error;
    const fields = error as Partial<
      Record<'code' | 'severity' | 'table' | 'constraint' | 'routine', unknown>
    >;
    const read = (name: keyof typeof fields) => {
      const value = fields[name];
      return typeof value === 'string' && /^[\w.]{1,80}$/.test(value) ? value : '';
    };
    const place = (['table', 'constraint', 'routine'] as const)
      .filter((name) => read(name) !== '')
      .map((name) => `${name} ${read(name)}`);
    const where = place.length === 0 ? '' : ` (${place.join(', ')})`;
    const text = statement.replaceAll(/\s+/g, ' ').trim().slice(0, 100);
    const code = read('code');
    return new DatabaseError(
      `Database error ${code || 'without a code'}${where}: ${text}`,
      code,
      read('severity'),
    );
  }
}
