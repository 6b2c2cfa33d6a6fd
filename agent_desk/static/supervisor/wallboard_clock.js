// @ts-check
/** The server's time, and how it is written in the company's zone, whatever this machine thinks. */

export class Clock {
  #time = 0;
  #heard = 0;

  /** @param {string} zone IANA name @param {string} language */
  constructor(zone, language) {
    const two = /** @type {const} */ ("2-digit");
    const shape = { hour: two, minute: two, hourCycle: /** @type {const} */ ("h23"), timeZone: zone };
    this.minutes = new Intl.DateTimeFormat(language, shape);
    this.offsets = new Intl.DateTimeFormat("en", { ...shape, timeZoneName: "shortOffset" });
    this.seconds = new Intl.DateTimeFormat(language, { ...shape, second: two });
  }

  /** @param {number} time the server's, in seconds since 1970; 0: it did not say */
  set(time) {
    if (!time) return;
    this.#time = time;
    this.#heard = performance.now();
  }

  /** Seconds since 1970, by the server. */
  now() {
    return this.#time ? this.#time + (performance.now() - this.#heard) / 1000 : Date.now() / 1000;
  }

  /** @param {number} moment @returns {string} 14:05 */
  minute(moment) {
    return this.minutes.format(new Date(moment * 1000));
  }

  /** The beginnings of half hours; those of the hour that comes twice with their offset. @param {number[]} moments @returns {string[]} */
  halves(moments) {
    const names = moments.map((moment) => this.minute(moment));
    return names.map((name, at) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} ${this.#offset(moments[at])}`));
  }

  /** @param {number} moment */
  #offset(moment) {
    const found = this.offsets.formatToParts(new Date(moment * 1000)).find((part) => part.type === "timeZoneName");
    return (found?.value ?? "").replace("GMT", "");
  }

  /** @param {number} moment @returns {string} 14:05:09 */
  second(moment) {
    return this.seconds.format(new Date(moment * 1000));
  }
}
