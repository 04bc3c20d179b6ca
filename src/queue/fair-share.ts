/**
 * Who is next: start-time fair queueing (Goyal, Vin, Cheng 1996) over GPU seconds. Each user's tag grows by
 * what was used, divided by the user's weight; the least tag is served. Between two users who both have jobs,
 * the weighted seconds served never differ by more than one charge of each.
 */

interface Account {
  /** Start tag of the user's next charge, in weighted seconds. */
  tag: number;
  weight: number;
  /** Whether the user has a job that is not finished. */
  active: boolean;
}

export class FairShare {
  readonly #accounts = new Map<string, Account>();
  /** Virtual time: the least tag of those with jobs when the GPU was last given away. */
  #virtual = 0;

  /** A user's first job arrives. Time without jobs earns nothing: the tag is lifted to the virtual time. */
  enter(user: string, weight: number): void {
    const account = this.#accounts.get(user) ?? { tag: 0, weight, active: false };
    if (!account.active) account.tag = Math.max(account.tag, this.#virtual);
    account.weight = weight;
    account.active = true;
    this.#accounts.set(user, account);
  }

  /** A user's last job is gone. What was used beyond the fair share stays on the account. */
  leave(user: string): void {
    const account = this.#accounts.get(user);
    if (account === undefined) return;
    account.active = false;
    const idle = ![...this.#accounts.values()].some(({ active }) => active);
    for (const [name, { active, tag }] of this.#accounts) {
      // With nobody left to be fair to, or nothing owed, an account says nothing that enter() would not.
      if (idle || (!active && tag <= this.#virtual)) this.#accounts.delete(name);
    }
    if (idle) this.#virtual = 0;
  }

  /** Lower is earlier. */
  tagOf(user: string): number {
    return this.#accounts.get(user)?.tag ?? this.#virtual;
  }

  /**
   * The GPU is given away now. Where every user is within reach of it, the least tag is the served one's, as in
   * the paper; where some wait for a slot, a newcomer must not come behind them by what they lag.
   */
  serve(): void {
    const tags = this.#accounts.values().filter(({ active }) => active);
    this.#virtual = Math.max(this.#virtual, Math.min(...tags.map(({ tag }) => tag)));
  }

  /** @param seconds of GPU time used; negative gives back what a crash made worthless */
  charge(user: string, seconds: number): void {
    const account = this.#accounts.get(user);
    if (account !== undefined) account.tag += seconds / account.weight;
  }
}
