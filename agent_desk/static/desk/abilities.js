// @ts-check
/**
 * What a telephone of each kind can do by itself; `cannot_NAME` says in words why it cannot. All
 * else (queues, numbers, the menu, call-backs, recording) the server does, whatever the telephone.
 *
 * @typedef {object} Abilities
 * @property {boolean} hold lets the caller hear music
 * @property {boolean} consult calls a colleague, and joins him with the caller
 * @property {boolean} echo calls the exchange to hear oneself
 */

/** @type {Record<string, Abilities>} */
export const ABILITIES = {
  sip: { hold: true, consult: true, echo: true },
  twilio: { hold: false, consult: false, echo: false },
};
