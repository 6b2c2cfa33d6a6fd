// @ts-check
/**
 * Tells the server whether the telephone is registered, where no exchange tells it: the newest word,
 * and again until the server has it.
 */
import { Refusal } from "./api.js";
import { Backoff } from "./backoff.js";

export class Told {
  #registered = false;
  /** Words there were, and the one the server has. */
  #word = 0;
  #heard = 0;
  #telling = false;
  #backoff = new Backoff(500, 8000);

  /**
   * @param {(body: { registered: boolean }) => Promise<any>} post
   * @param {(milliseconds: number) => Promise<unknown>} [rest]
   */
  constructor(post, rest = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))) {
    this.post = post;
    this.rest = rest;
  }

  /** @param {import("./phone.js").Registration} registration */
  async tell(registration) {
    const registered = registration === "registered";
    if (!registered && !this.#registered && this.#word) return; // on the way from lost to registered
    this.#registered = registered;
    this.#word += 1;
    await this.#go();
  }

  /** The server may have lost what it was told: it was away. */
  async again() {
    if (!this.#word) return;
    this.#word += 1;
    await this.#go();
  }

  async #go() {
    if (this.#telling) return;
    this.#telling = true;
    while (this.#heard < this.#word) {
      const word = this.#word;
      try {
        await this.post({ registered: this.#registered });
        this.#heard = word;
        this.#backoff.reset();
      } catch (error) {
        // Another tab has the say, or the shift is over: not ours to tell any more.
        if (error instanceof Refusal && error.status < 500) this.#heard = word;
        else await this.rest(this.#backoff.wait());
      }
    }
    this.#telling = false;
  }
}
