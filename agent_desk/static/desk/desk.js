// @ts-check
/**
 * What the desk knows now: the State the server sent last, and what follows from it. Pure.
 *
 * @typedef {"loading" | "ready" | "paused" | "offline" | "offer" | "talk" | "broken" | "wrap_up" | "consult" | "disconnected"} Mode
 *
 * @typedef {object} State see the events of /desk/events
 * @property {number} time
 * @property {boolean} down the queue does not answer: what is shown may be old
 * @property {any} operator
 * @property {any} offer
 * @property {any} talk
 * @property {any[]} queues
 * @property {{ callbacks: number, messages: number }} inbox
 * @property {any[]} colleagues
 * @property {{ name: string, mode: string }[]} [listeners] supervisors in his talk
 * @property {any} [listening] a supervisor's: the colleague's talk he is in, and the token of his leg
 * @property {{ token: string, name: string, why: string, by: string } | null} [left] a colleague's talk he is in no more although he did not leave it
 * @property {string} [taken_by] who took his last caller over, while he wraps up
 * @property {string} [chosen_by] who chose his status for him
 * @property {{ name: string, at: number } | null} [leaving] who signed him out from the end of his talk on
 * @property {any} [help] what he asked for
 * @property {any[]} [messages] of supervisors, not seen yet
 */

/** Where the ticket of the talk is kept. */
const TALK = "desk.talk";

export class Desk {
  /** @type {State | null} */
  state = null;
  /** Seconds by which the server's clock is ahead of ours. */
  #ahead = 0;

  /** @param {{ getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void }} memory lasts as long as the tab */
  constructor(memory) {
    this.memory = memory;
  }

  /**
   * Takes a new state; one that is older than what is known changes nothing.
   * @param {State} state @param {number} now seconds
   */
  take(state, now) {
    if (this.state && state.operator.version < this.state.operator.version && state.time <= this.state.time) {
      return false;
    }
    this.state = state;
    this.#ahead = state.time - now;
    this.#remember(state);
    return true;
  }

  /** Keeps which caller the operator is with, over a reload of the page. @param {State} state */
  #remember({ talk, offer, operator }) {
    if (talk && talk.state !== "wrap_up") this.memory.setItem(TALK, talk.ticket);
    else if (talk || (!offer && operator.state === "idle")) this.memory.removeItem(TALK);
  }

  /** Whether the offer is a caller we were cut off from: he is taken back without a question. */
  get returning() {
    const offer = this.state?.offer;
    return !!offer && (offer.back || offer.ticket === this.memory.getItem(TALK));
  }

  /** @param {any} operator as answered to a change of status */
  takeOperator(operator) {
    if (!this.state || !operator || operator.version === undefined) return;
    if (operator.version < this.state.operator.version) return;
    this.state = { ...this.state, operator: { ...this.state.operator, ...operator } };
  }

  /** @param {number} now seconds of our clock @returns {number} seconds of the server's clock */
  time(now) {
    return now + this.#ahead;
  }

  /** @returns {Mode} */
  get mode() {
    const { operator, offer, talk } = this.state ?? {};
    if (!operator) return "loading";
    if (talk) return talk.state === "talking" ? "talk" : talk.state === "wrap_up" ? "wrap_up" : "broken";
    if (offer) return "offer";
    if (operator.state === "disconnected") return "disconnected";
    if (operator.state === "talking") return "consult"; // with a colleague, no caller of his own
    return operator.status;
  }

  /** The offer or the talk: token, ticket, kind, caller. */
  get contact() {
    return this.state?.talk ?? this.state?.offer ?? null;
  }

  get caller() {
    return this.contact?.caller ?? null;
  }

  get operator() {
    return this.state?.operator ?? null;
  }

  /** Seconds the operator has been in what he does now. @param {number} now seconds of our clock */
  since(now) {
    const began = this.mode === "talk" ? this.state?.talk.since : this.operator?.since;
    return began ? Math.max(0, this.time(now) - began) : 0;
  }

  /** Seconds left of a wrap-up or a pause's limit, negative when over; null where there is no limit. @param {number} now */
  left(now) {
    const until = this.operator?.until;
    return until ? until - this.time(now) : null;
  }

  /** Seconds the caller has waited: up to the answer, if he was answered. @param {number} now */
  waited(now) {
    const { caller } = this;
    if (!caller) return 0;
    if (this.state?.talk) return caller.waited ?? 0;
    return caller.entered ? Math.max(0, this.time(now) - caller.entered) : (caller.waited ?? 0);
  }
}

/**
 * What the telephone has to do after a change, given what it is doing.
 * @param {Desk} desk
 * @param {{ call: { token: string } | null, rings: Map<string, unknown>, answering: string }} phone
 * @param {{ automatic: boolean }} wishes
 * @returns {"answer" | "listen" | "hang_up" | "forget" | ""}
 */
export function duty(desk, phone, wishes) {
  const { offer, talk, listening } = desk.state ?? {};
  if (offer && phone.call?.token !== offer.token && phone.answering !== offer.token && (desk.returning || wishes.automatic)) {
    return "answer";
  }
  if (listening && !phone.call && !phone.answering && phone.rings.has(listening.token)) return "listen";
  const here = [offer?.token, talk?.token, phone.call?.token].includes(phone.answering) || phone.rings.has(phone.answering);
  if (phone.answering && !here) return "forget"; // it is nobody's any more, or somebody else's
  if (talk?.state === "wrap_up" && phone.call?.token === talk.token) return "hang_up";
  return "";
}
