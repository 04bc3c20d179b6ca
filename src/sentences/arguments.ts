/**
 * The arguments of an ICU message, read from its text by the type checker: `{name}` takes a value, and what is counted
 * (`plural`, `selectordinal`, `number`) a number. The branches of a plural or select may hold arguments of their own, but
 * no further plural. Braces in apostrophes are text: `'{prompt}'`.
 */

/** Name and type of each argument, as a union of pairs. */
type Arguments<S extends string> = S extends `${infer Before}'{${string}}'${infer After}`
  ? Arguments<Before> | Arguments<After>
  : S extends `${string}{${infer Rest}`
    ? FromArgument<Rest>
    : never;

type FromArgument<S extends string> = S extends `${infer Head}}${infer Rest}`
  ? Head extends `${infer Name}, ${infer Kind}`
    ? Kind extends `${infer Format},${string}{${infer Branch}`
      ? [Name, Format] | FromBranch<`${Branch}}${Rest}`>
      : [Name, Kind] | Arguments<Rest>
    : [Head, 'value'] | Arguments<Rest>
  : never;

type FromBranch<S extends string> = S extends `${infer Head}}${infer Rest}`
  ? Head extends `${string}{${infer Name}`
    ? [Name, 'value'] | FromBranch<Rest>
    : AfterBranch<Rest>
  : never;

type AfterBranch<S extends string> = S extends `${infer Head}}${infer Rest}`
  ? Head extends `${string}{${infer Branch}`
    ? FromBranch<`${Branch}}${Rest}`>
    : Arguments<Rest>
  : never;

type Counted = 'plural' | 'selectordinal' | 'number';

/** @typeParam V what an argument may be that is not counted */
export type ArgumentsOf<S extends string, V> = {
  readonly [A in Arguments<S> as A[0]]: A[1] extends Counted ? number : A[1] extends 'select' ? string : V;
};
