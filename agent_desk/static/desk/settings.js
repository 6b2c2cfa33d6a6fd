// @ts-check
/** What the operator chose for himself in this browser. */

export class Settings {
  /** @param {Storage} memory */
  constructor(memory) {
    this.memory = memory;
  }

  /** Offers are answered by themselves. */
  get automatic() {
    return this.memory.getItem("desk.automatic") === "yes";
  }

  set automatic(wish) {
    this.memory.setItem("desk.automatic", wish ? "yes" : "no");
  }

  /** Offers are told by the system too, beside the page. */
  get notify() {
    return this.memory.getItem("desk.notify") === "yes";
  }

  set notify(wish) {
    this.memory.setItem("desk.notify", wish ? "yes" : "no");
  }
}
