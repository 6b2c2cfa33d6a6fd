// @ts-check
/**
 * Quality of the line: samples from reports of getStats (W3C webrtc-stats), limits, verdicts.
 *
 * @typedef {object} Sample
 * @property {number} loss per cent, the worse direction
 * @property {number} jitter milliseconds, the worse direction
 * @property {number} round_trip milliseconds
 * @property {number} level of the microphone, 0 to 1
 *
 * @typedef {object} Counts what has been counted since the call began
 * @property {number} received
 * @property {number} lost
 */

/** Above these a line is not fit for a shift. */
export const LIMITS = { loss: 2, jitter: 30, round_trip: 300 };
/** Per cent of loss at which a talk makes no sense, and for how many milliseconds. */
const HOPELESS = 10;
const HOPELESS_FOR = 10_000;

/**
 * @param {any[]} reports
 * @param {Counts | null} before counts of the last sample
 * @param {boolean} [held] nothing is received on a held line, and nothing is missing
 * @returns {{ sample: Sample, counts: Counts }}
 */
export function measure(reports, before, held = false) {
  const first = (/** @type {string} */ type, /** @type {(each: any) => boolean} */ which = () => true) =>
    reports.find((each) => each.type === type && which(each)) ?? {};
  const inbound = first("inbound-rtp", ({ kind }) => kind === "audio");
  const remote = first("remote-inbound-rtp", ({ kind }) => kind === "audio");
  const pair = first("candidate-pair", ({ nominated, state }) => nominated && state === "succeeded");
  const source = first("media-source", ({ kind }) => kind === "audio");
  const counts = { received: inbound.packetsReceived ?? 0, lost: inbound.packetsLost ?? 0 };
  const received = counts.received - (before?.received ?? 0);
  const lost = Math.max(0, counts.lost - (before?.lost ?? 0));
  // Sound flows without a pause: a span with no packet at all is a span in which all were lost.
  const here = held ? 0 : received + lost ? lost / (received + lost) : before ? 1 : 0;
  const sample = {
    loss: round(100 * Math.max(here, remote.fractionLost ?? 0), 1),
    jitter: round(1000 * Math.max(inbound.jitter ?? 0, remote.jitter ?? 0)),
    round_trip: round(1000 * (remote.roundTripTime ?? pair.currentRoundTripTime ?? 0)),
    level: round(source.audioLevel ?? 0, 3),
  };
  return { sample, counts };
}

/** @param {number} value @param {number} [places] */
function round(value, places = 0) {
  return Math.round(value * 10 ** places) / 10 ** places;
}

/** @param {Sample} sample @returns {("loss" | "jitter" | "round_trip")[]} the figures above their limits */
export function failing(sample) {
  return /** @type {("loss" | "jitter" | "round_trip")[]} */ (
    Object.keys(LIMITS).filter((name) => Reflect.get(sample, name) > Reflect.get(LIMITS, name))
  );
}

/** @param {Sample} sample @returns {"good" | "fair" | "poor"} */
export function verdict(sample) {
  if (sample.loss > HOPELESS / 2 || sample.jitter > 2 * LIMITS.jitter || sample.round_trip > 2 * LIMITS.round_trip) {
    return "poor";
  }
  return failing(sample).length ? "fair" : "good";
}

/** @param {Sample[]} samples @returns {Sample} mean figures; of the level the highest */
export function summary(samples) {
  const mean = (/** @type {"loss" | "jitter" | "round_trip"} */ name) =>
    samples.length ? samples.reduce((sum, each) => sum + each[name], 0) / samples.length : 0;
  return {
    loss: round(mean("loss"), 1),
    jitter: round(mean("jitter")),
    round_trip: round(mean("round_trip")),
    level: Math.max(0, ...samples.map((each) => each.level)),
  };
}

/** Follows the samples of one talk. */
export class Watch {
  /** @type {Sample[]} */
  samples = [];
  /** @type {Counts | null} */
  #counts = null;
  /** Since when the loss is hopeless, milliseconds; 0: it is not. */
  #hopelessSince = 0;
  #unsent = 0;
  /** The line was hopeless for so long that the operator shall rest after this talk. */
  hopeless = false;

  /** @param {any[]} reports @param {number} now milliseconds @param {boolean} held */
  add(reports, now, held) {
    const { sample, counts } = measure(reports, this.#counts, held);
    this.#counts = counts;
    this.samples.push(sample);
    if (sample.loss <= HOPELESS) this.#hopelessSince = 0;
    else this.#hopelessSince ||= now;
    if (this.#hopelessSince && now - this.#hopelessSince >= HOPELESS_FOR) this.hopeless = true;
    return sample;
  }

  /** @returns {Sample | null} figures of the samples since the last report; null: there are none */
  report() {
    const fresh = this.samples.slice(this.#unsent);
    this.#unsent = this.samples.length;
    return fresh.length ? summary(fresh) : null;
  }
}
