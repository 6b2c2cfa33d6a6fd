// @ts-check
/** Saves what is being typed, a moment after the last key; what is newer wins. */

import { Refusal } from "./api.js";

/** Milliseconds of quiet before a draft is saved. */
const QUIET = 800;

export class Drafts {
  #save;
  #told;
  /** Not saved yet: form -> what. @type {Map<string, { call: string, form: string, values: object }>} */
  #waiting = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {(draft: { call: string, form: string, values: object }) => Promise<unknown>} save
   * @param {(state: "saving" | "saved" | "unsaved", form: string) => void} told
   */
  constructor(save, told) {
    this.#save = save;
    this.#told = told;
  }

  /** Whether something typed is not with the server yet. */
  get unsaved() {
    return this.#waiting.size > 0;
  }

  /** @param {string} call @param {string} form @param {object} values */
  typed(call, form, values) {
    this.#waiting.set(form, { call, form, values });
    this.#told("saving", form);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), QUIET);
  }

  /** @param {string} form it was sent as a whole: its draft is void */
  drop(form) {
    this.#waiting.delete(form);
  }

  /** Saves now; what fails is tried again soon, what the server refuses only with the next key. */
  async flush() {
    clearTimeout(this.#timer);
    for (const draft of [...this.#waiting.values()]) {
      try {
        await this.#save(draft);
        if (this.#waiting.get(draft.form) !== draft) continue; // typed on meanwhile
        this.#waiting.delete(draft.form);
        this.#told("saved", draft.form);
      } catch (error) {
        this.#told("unsaved", draft.form);
        if (error instanceof Refusal && error.status < 500 && error.status !== 429) {
          if (this.#waiting.get(draft.form) === draft) this.#waiting.delete(draft.form);
          continue;
        }
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.flush(), 5 * QUIET);
      }
    }
  }
}
