// @ts-check
/**
 * What the page knows of the ticket forms beside what the server says: how a field looks, when it
 * is asked, and what is wrong with what was typed. The server judges again.
 *
 * @typedef {object} Field as the server describes it
 * @property {string} name
 * @property {"text" | "choice" | "day" | "time" | "phone" | "email" | "flag"} kind
 * @property {boolean} wanted
 * @property {string[]} [choices]
 *
 * @typedef {Record<string, string>} Values
 */

/** Texts of several lines. */
const LONG = ["comment", "text"];
/** Types that need to know where: the account, else an address. */
const PLACED = ["outage", "meter_fault", "meter_replacement"];

/** @param {Field} field @returns {"area" | "select" | "check" | "tel" | "email" | "date" | "time" | "text"} */
export function look({ name, kind }) {
  if (kind === "choice") return "select";
  if (kind === "flag") return "check";
  if (kind === "text") return LONG.includes(name) ? "area" : "text";
  return /** @type {const} */ ({ day: "date", time: "time", phone: "tel", email: "email" })[kind];
}

/** @param {string} type @param {string} field @param {Values} values @param {boolean} account whether one is chosen */
export function asked(type, field, values, account) {
  if (field === "address") return type === "connection" || !account || values.answer_by === "post";
  if (type === "complaint" && field === "email") return values.answer_by === "email";
  return true;
}

/** @param {string} type @param {Field} field @param {Values} values @param {boolean} account */
export function required(type, field, values, account) {
  if (field.wanted) return true;
  if (field.name === "address") return (PLACED.includes(type) && !account) || values.answer_by === "post";
  return type === "complaint" && values.answer_by === field.name;
}

/** Answers that call for a warning, by type and field; its words are `warn_TYPE`. */
const WARNED = /** @type {Record<string, Record<string, string>>} */ ({ outage: { danger: "yes" }, meter_fault: { supply: "no" } });

/** @param {string} type @param {string} field */
export const mayWarn = (type, field) => field in (WARNED[type] ?? {});

/** @param {string} type @param {string} field @param {Values} values */
export const warns = (type, field, values) => mayWarn(type, field) && values[field] === WARNED[type][field];

/**
 * Tells what is wrong, by field.
 * @param {string} type @param {Field[]} fields @param {Values} values @param {boolean} account
 * @returns {Record<string, "missing" | "email" | "phone">}
 */
export function problems(type, fields, values, account) {
  /** @type {Record<string, "missing" | "email" | "phone">} */
  const found = {};
  for (const field of fields) {
    const { name, kind } = field;
    if (!asked(type, name, values, account)) continue;
    const value = (values[name] ?? "").trim();
    if (!value) {
      if (required(type, field, values, account)) found[name] = "missing";
    } else if (kind === "email" && !/^[^\s@]+@[^\s@]+\.[^\s@.]{2,}$/.test(value)) found[name] = "email";
    else if (kind === "phone" && !/^\+?[\d\s()-]{5,24}$/.test(value)) found[name] = "phone";
  }
  return found;
}

/**
 * What is sent: the fields that are asked and filled in.
 * @param {string} type @param {Field[]} fields @param {Values} values @param {boolean} account
 * @returns {Record<string, string | boolean>}
 */
export function filled(type, fields, values, account) {
  return Object.fromEntries(
    fields
      .filter(({ name }) => asked(type, name, values, account) && (values[name] ?? "").trim())
      .map(({ name, kind }) => [name, kind === "flag" ? true : values[name].trim()]),
  );
}
