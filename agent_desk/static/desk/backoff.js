// @ts-check
/** Pauses between attempts: doubled each time, never above the longest, scattered by chance. */
export class Backoff {
  #next;

  /** @param {number} first milliseconds @param {number} longest milliseconds @param {() => number} [chance] */
  constructor(first, longest, chance = Math.random) {
    this.first = first;
    this.longest = longest;
    this.chance = chance;
    this.#next = first;
  }

  /** Milliseconds to wait before the next attempt. */
  wait() {
    const pause = this.#next;
    this.#next = Math.min(this.longest, pause * 2);
    // Three hundred desks that lost the same server must not come back in the same moment.
    return pause * (0.75 + this.chance() / 2);
  }

  reset() {
    this.#next = this.first;
  }
}
