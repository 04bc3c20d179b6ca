/** Answers that many callers may have from one piece of work. */

/**
 * @param ms for which a result is given again; callers meanwhile also share work that has not ended
 * @param work an error of it is given to those who wait, and not kept
 */
export function sharedFor<T>(ms: number, work: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly result: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (last !== undefined && now - last.at < ms) return last.result;
    const result = work();
    const entry = { at: now, result };
    last = entry;
    result.catch(() => {
      if (last === entry) last = undefined;
    });
    return result;
  };
}
