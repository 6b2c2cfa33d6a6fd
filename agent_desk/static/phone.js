// @ts-check
/**
 * A telephone: three verbs (call, press, hangUp), one callback (changed), one derived state.
 * It knows neither the page nor SIP; `open` brings a line. Tested by node alone.
 *
 * @typedef {"idle" | "connecting" | "ringing" | "talking" | "ended" | "failed"} State
 *
 * @typedef {object} Line an open call
 * @property {(key: string) => void} press sends a key
 * @property {() => Promise<void>} hangUp ends the call
 *
 * @typedef {object} Events what a line reports
 * @property {() => void} ringing the other side rings
 * @property {() => void} answered the other side can be heard
 * @property {() => void} ended the call is over
 * @property {(reason: string) => void} failed the call broke: unreachable, refused or lost
 * @property {() => void} silent there is no microphone
 *
 * @typedef {(number: string, events: Events) => Promise<Line>} Open
 */

const KEY = /^[0-9*#]$/;

export class Phone {
  /** @type {Line | null} */
  #line = null;
  /** One number a call: what an older call still reports is nobody's business. */
  #call = 0;
  #open;
  #changed;

  /** @type {State} */
  state = "idle";
  /** The keys pressed in this call. */
  keys = "";
  /** Why the call failed: unreachable, refused or lost. */
  reason = "";
  /** The caller cannot be heard. */
  silent = false;

  /**
   * @param {Open} open
   * @param {() => void} changed called after every change
   */
  constructor(open, changed) {
    this.#open = open;
    this.#changed = changed;
  }

  /** Whether a call is on its way or up. */
  get busy() {
    return ["connecting", "ringing", "talking"].includes(this.state);
  }

  /**
   * Calls a number; does nothing in a call.
   * @param {string} number
   */
  async call(number) {
    if (this.busy) return;
    const call = ++this.#call;
    Object.assign(this, { keys: "", reason: "", silent: false });
    this.#become("connecting");
    /** @param {() => void} act @returns {() => void} */
    const ours = (act) => () => {
      if (call === this.#call) act();
    };
    try {
      const line = await this.#open(number, {
        ringing: ours(() => this.state === "connecting" && this.#become("ringing")),
        answered: ours(() => this.#become("talking")),
        ended: ours(() => this.#over("ended")),
        failed: (reason) => ours(() => this.#over("failed", reason))(),
        silent: ours(() => this.#mute()),
      });
      if (call === this.#call && this.busy) this.#line = line;
      else await line.hangUp();
    } catch {
      ours(() => this.busy && this.#over("failed", "unreachable"))();
    }
  }

  /**
   * Sends a key and tells whether it was sent: only in a call, only a key of a telephone.
   * @param {string} key
   */
  press(key) {
    if (this.state !== "talking" || !this.#line || !KEY.test(key)) return false;
    this.#line.press(key);
    this.keys += key;
    this.#changed();
    return true;
  }

  /** Ends the call; one that is still being connected ends as soon as there is a line. */
  async hangUp() {
    if (!this.busy) return;
    const line = this.#line;
    this.#over("ended");
    await line?.hangUp();
  }

  #mute() {
    this.silent = true;
    this.#changed();
  }

  /** @param {State} state @param {string} [reason] */
  #over(state, reason = "") {
    this.#line = null;
    this.#call += 1;
    this.reason = reason;
    this.#become(state);
  }

  /** @param {State} state */
  #become(state) {
    this.state = state;
    this.#changed();
  }
}
