// @ts-check
/**
 * The operator's telephone: who rings, who is talked to, who is asked on the second line. It knows
 * neither the page nor SIP; an Exchange brings rings and lines. Tested by node alone.
 *
 * @typedef {object} Line an established call
 * @property {() => Promise<void>} hangUp
 * @property {(muted: boolean) => void} mute
 * @property {(held: boolean) => Promise<void>} hold
 * @property {(key: string) => void} press
 * @property {(other: Line) => Promise<void>} join connects the two others and leaves (REFER with Replaces)
 * @property {() => Promise<any[]>} stats reports of getStats
 *
 * @typedef {object} LineEvents what a line reports
 * @property {() => void} ended the call is over
 * @property {(reason: string) => void} failed it broke: refused, unreachable, lost, microphone
 * @property {() => void} ringing the other side rings
 * @property {() => void} talking sound goes both ways
 * @property {() => void} deaf the microphone was taken away
 *
 * @typedef {object} Ring a call that comes in
 * @property {string} token of the offer; "" for a call that has none
 * @property {string} from who calls, as the exchange tells
 * @property {(events: LineEvents) => Promise<Line>} accept
 * @property {() => void} reject
 *
 * @typedef {object} Call a call of ours
 * @property {string} token
 * @property {"connecting" | "ringing" | "talking"} state
 * @property {Line | null} line
 * @property {boolean} held
 * @property {string} [address] of the colleague we called
 *
 * @typedef {"off" | "connecting" | "registered" | "lost" | "refused"} Registration
 *
 * @typedef {object} Exchange
 * @property {(address: string, token: string, events: LineEvents) => Promise<Line>} call
 */

const KEY = /^[0-9*#]$/;

export class Phone {
  /** @type {Registration} */
  registration = "off";
  /** Calls that ring, by token. @type {Map<string, Ring>} */
  rings = new Map();
  /** The caller, or the colleague who asked us. @type {Call | null} */
  call = null;
  /** The colleague we ask while the caller is held. @type {Call | null} */
  second = null;
  muted = false;
  /** Why the last call broke: refused, unreachable, lost, microphone; "" when it did not. */
  broke = "";
  /** The microphone was taken away in this call. */
  deaf = false;
  /** The offer being answered, while the server is asked or the ring has not come yet. */
  answering = "";

  #ask;
  #changed;
  /** @type {Exchange | null} */
  #exchange = null;

  /**
   * @param {(token: string) => Promise<string>} ask asks the server whether this offer may be
   *   answered: "" yes, else why not. It throws when the server is not reached: then the caller,
   *   who is on the line already, is more important than the server's opinion.
   * @param {() => void} changed called after every change
   */
  constructor(ask, changed) {
    this.#ask = ask;
    this.#changed = changed;
  }

  /** @param {Exchange} exchange */
  connect(exchange) {
    this.#exchange = exchange;
  }

  /** @param {Registration} registration */
  become(registration) {
    this.registration = registration;
    if (registration !== "registered") this.rings.clear();
    this.#changed();
  }

  /** Whether a call is up or being set up. */
  get busy() {
    return this.call !== null;
  }

  /** The line the operator speaks into. */
  get active() {
    return this.second && !this.second.held ? this.second : this.call;
  }

  /** @param {Ring} ring a call comes in */
  rung(ring) {
    this.rings.set(ring.token, ring);
    if (ring.token && ring.token === this.#agreed) this.#accept(ring);
    else this.#changed();
  }

  /** @param {Ring} ring the caller's side gave up */
  quiet(ring) {
    if (this.rings.get(ring.token) !== ring) return;
    this.rings.delete(ring.token);
    this.#changed();
  }

  /** Offer that the server let us have, before it rang. */
  #agreed = "";

  /**
   * Answers an offer, once, as soon as it rings. Returns why it may not be answered, else "".
   * @param {string} token
   */
  async answer(token) {
    if (this.answering === token || this.call?.token === token) return "";
    this.answering = token;
    this.broke = "";
    this.#changed();
    const refused = await this.#ask(token).catch(() => "");
    if (this.answering !== token) return refused; // the offer was withdrawn meanwhile
    if (refused) {
      this.answering = "";
      this.#changed();
      return refused;
    }
    this.#agreed = token;
    const ring = this.rings.get(token);
    if (ring) await this.#accept(ring);
    return "";
  }

  /** @param {string} token the offer is nobody's any more, or somebody else's */
  forget(token) {
    if (this.answering === token) this.answering = "";
    if (this.#agreed === token) this.#agreed = "";
    this.#changed();
  }

  /** @param {Ring} ring */
  async #accept(ring) {
    this.rings.delete(ring.token);
    this.#agreed = "";
    /** @type {Call} */
    const call = { token: ring.token, state: "connecting", line: null, held: false };
    this.call = call;
    Object.assign(this, { muted: false, deaf: false, broke: "" });
    await this.#open(call, (events) => ring.accept(events));
  }

  /**
   * Asks a colleague while the caller is held.
   * @param {string} token
   * @param {string} address "op-iryna"
   */
  async consult(token, address) {
    const exchange = this.#exchange;
    if (this.second || !this.call?.line || !exchange) return;
    /** @type {Call} */
    const call = { token, address, state: "connecting", line: null, held: false };
    this.second = call;
    this.#changed();
    await this.#hold(this.call, true);
    await this.#open(call, (events) => exchange.call(address, token, events));
  }

  /** Speaks with the other one of the two. */
  async alternate() {
    if (!this.call || !this.second) return;
    const [from, to] = this.active === this.second ? [this.second, this.call] : [this.call, this.second];
    await this.#hold(from, true);
    await this.#hold(to, false);
  }

  /** Leaves the caller with the colleague. */
  async handOver() {
    const [caller, colleague] = [this.call?.line, this.second?.line];
    if (!caller || !colleague) return;
    await caller.join(colleague);
  }

  /** Ends the second line; the caller is back. */
  async hangUpSecond() {
    const { second } = this;
    if (!second) return;
    this.#over(second);
    await second.line?.hangUp();
  }

  /** Ends the call. */
  async hangUp() {
    const { call, second } = this;
    if (second) this.#over(second);
    if (call) this.#over(call);
    this.answering = "";
    await Promise.all([second?.line?.hangUp(), call?.line?.hangUp()]);
  }

  mute() {
    this.muted = !this.muted;
    for (const call of [this.call, this.second]) call?.line?.mute(this.muted || call.held);
    this.#changed();
  }

  /** Holds the call or takes it back; not while a colleague is asked. */
  async hold() {
    if (this.call?.line && !this.second) await this.#hold(this.call, !this.call.held);
  }

  /** @param {string} key @returns {boolean} whether it was sent */
  press(key) {
    if (!KEY.test(key) || this.active?.state !== "talking" || !this.active.line) return false;
    this.active.line.press(key);
    return true;
  }

  /** @param {Call} call @param {boolean} held */
  async #hold(call, held) {
    if (!call.line || call.held === held) return;
    call.held = held;
    this.#changed();
    try {
      await call.line.hold(held);
      call.line.mute(this.muted || held);
    } catch {
      call.held = !held; // the exchange would not: it is as it was
    }
    this.#changed();
  }

  /** @param {Call} call @param {(events: LineEvents) => Promise<Line>} open */
  async #open(call, open) {
    const ours = (/** @type {() => void} */ act) => () => {
      if (this.call === call || this.second === call) act();
    };
    this.#changed();
    try {
      const line = await open({
        ended: ours(() => this.#over(call)),
        failed: (reason) => ours(() => this.#over(call, reason))(),
        ringing: ours(() => this.#at(call, "ringing")),
        talking: ours(() => this.#at(call, "talking")),
        deaf: ours(() => {
          this.deaf = true;
          this.#changed();
        }),
      });
      if (this.call === call || this.second === call) {
        call.line = line;
        if (this.muted) line.mute(true);
        this.#changed();
      } else await line.hangUp();
    } catch (error) {
      const reason = error instanceof DOMException ? "microphone" : "unreachable";
      ours(() => this.#over(call, reason))();
    }
  }

  /** @param {Call} call @param {Call["state"]} state */
  #at(call, state) {
    if (call.state === "talking") return;
    call.state = state;
    if (call.token === this.answering) this.answering = "";
    this.#changed();
  }

  /** @param {Call} call @param {string} [reason] */
  #over(call, reason = "") {
    if (this.second === call) {
      this.second = null;
      if (this.call?.held) this.#hold(this.call, false);
    } else if (this.call === call) {
      this.call = null;
      this.muted = false;
      if (this.answering === call.token) this.answering = "";
    }
    this.broke = reason;
    this.#changed();
  }
}
