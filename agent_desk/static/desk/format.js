// @ts-check
/** How times, spans and telephone numbers are written. */

/** @param {number} seconds @returns {string} 0:07, 12:40, 1:02:03 */
export function span(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** @param {number | string | null | undefined} moment epoch seconds or ISO 8601 @returns {Date | null} */
export function moment(moment) {
  if (moment === null || moment === undefined || moment === "") return null;
  // A date alone is a day here, not midnight in Greenwich.
  const text = typeof moment === "string" && /^\d{4}-\d\d-\d\d$/.test(moment) ? `${moment}T00:00` : moment;
  const date = new Date(typeof text === "number" ? text * 1000 : text);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** @param {number | string | null | undefined} when @param {string} language @returns {string} 14:05 */
export function time(when, language) {
  return moment(when)?.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hour12: false }) ?? "";
}

/** @param {number | string | null | undefined} when @param {string} language @returns {string} 01.10.2026 */
export function day(when, language) {
  const locale = language === "en" ? "en-GB" : language;
  return moment(when)?.toLocaleDateString(locale, { day: "2-digit", month: "2-digit", year: "numeric" }) ?? "";
}

/**
 * Time alone for today, date and time for another day.
 * @param {number | string | null | undefined} when @param {string} language @param {Date} [now]
 */
export function dayTime(when, language, now = new Date()) {
  const date = moment(when);
  if (!date) return "";
  const clock = time(when, language);
  return date.toDateString() === now.toDateString() ? clock : `${day(when, language)} ${clock}`;
}

/**
 * @param {string | null | undefined} number E.164
 * @returns {string} +380 67 111 00 01
 */
export function telephone(number) {
  if (!number) return "";
  const ukrainian = /^\+380(\d\d)(\d{3})(\d\d)(\d\d)$/.exec(number);
  if (ukrainian) return `+380 ${ukrainian.slice(1).join(" ")}`;
  const russian = /^\+7(\d{3})(\d{3})(\d\d)(\d\d)$/.exec(number);
  if (russian) return `+7 ${russian.slice(1).join(" ")}`;
  return number;
}
