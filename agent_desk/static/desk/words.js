// @ts-check
/** The page's words, in the operator's language. */

/**
 * @typedef {((key: string, values?: Record<string, unknown>) => string) & {
 *   of: (kind: string, name: string) => string,
 *   language: string }} Say
 */

/**
 * @param {Record<string, string>} table
 * @param {string} language
 * @returns {Say}
 */
export function words(table, language) {
  /** @param {string} key @param {Record<string, unknown>} [values] */
  const say = (key, values = {}) =>
    (table[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  return Object.assign(say, {
    language,
    /** A name that is data (queue, pause, code, step): its words, or the name made readable. */
    of: (/** @type {string} */ kind, /** @type {string} */ name) =>
      table[`${kind}_${name}`] ?? String(name ?? "").replaceAll("_", " "),
  });
}
