// @ts-check
/** The page's words, in the operator's language. */

/**
 * @typedef {((key: string, values?: Record<string, unknown>) => string) & {
 *   of: (kind: string, name: string) => string,
 *   known: (kind: string, name: string) => string,
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
    /** The words of a name that is data (flow, step); "" where it has none. */
    known: (/** @type {string} */ kind, /** @type {string} */ name) => table[`${kind}_${name}`] ?? "",
    /** The same, but the name itself, made readable, where it has no words. */
    of: (/** @type {string} */ kind, /** @type {string} */ name) =>
      table[`${kind}_${name}`] ?? String(name ?? "").replaceAll("_", " "),
  });
}
