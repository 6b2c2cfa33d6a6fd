// @ts-check
/** How times, spans and telephone numbers are written. */

/** @param {number} seconds @returns {string} 0:07, 12:40, 1:02:03 */
export function span(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** @type {string | undefined} IANA name; undefined: the browser's */
let zone;

/** Has every time written as the company's clocks show it, whatever zone this browser is in. @param {string} name */
export function writeIn(name) {
  zone = name;
}

/** @param {number | string | null | undefined} moment epoch seconds or ISO 8601 @returns {Date | null} */
function moment(moment) {
  if (moment === null || moment === undefined || moment === "") return null;
  const date = new Date(typeof moment === "number" ? moment * 1000 : moment);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** @param {number | string | null | undefined} when @param {string} language @returns {string} 14:05 */
export function time(when, language) {
  return moment(when)?.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone }) ?? "";
}

/** @param {number | string | null | undefined} when @param {string} language @returns {string} 01.10.2026 */
export function day(when, language) {
  const locale = language === "en" ? "en-GB" : language;
  // A date alone is a day, which has begun in Greenwich and has no zone.
  const timeZone = typeof when === "string" && /^\d{4}-\d\d-\d\d$/.test(when) ? "UTC" : zone;
  return moment(when)?.toLocaleDateString(locale, { day: "2-digit", month: "2-digit", year: "numeric", timeZone }) ?? "";
}

/** @param {number | string} when @param {string} language @returns {string} 01.10.2026 14:05:09 */
export function exact(when, language) {
  const clock = moment(when)?.toLocaleTimeString(language, { hourCycle: "h23", timeZone: zone }) ?? "";
  return `${day(when, language)} ${clock}`;
}

/** The clock of a page; it names its zone where this machine has another time. @param {number} now @param {string} language */
export function clock(now, language) {
  const here = moment(now)?.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const there = time(now, language);
  return zone && here !== there ? `${there} ${zone}` : there;
}

/**
 * Time alone for today, date and time for another day.
 * @param {number | string | null | undefined} when @param {string} language @param {Date} [now]
 */
export function dayTime(when, language, now = new Date()) {
  if (!moment(when)) return "";
  const [clock, date] = [time(when, language), day(when, language)];
  return date === day(now.getTime() / 1000, language) ? clock : `${date} ${clock}`;
}

/**
 * Of an hour that there is twice, the first one; of one that is left out, as much later.
 * @param {string} local 2026-10-31T14:05, by the company's clocks; "" where nothing was entered
 * @returns {number | null} seconds since 1970
 */
export function entered(local) {
  if (!local) return null;
  const wall = Date.parse(`${local}Z`);
  const ahead = (/** @type {number} */ at) => {
    const parts = new Date(at).toLocaleString("sv-SE", { timeZone: zone });
    return Date.parse(`${parts.replace(" ", "T")}Z`) - Math.floor(at / 1000) * 1000;
  };
  // The greatest difference of two days around gives the earliest moment that these clocks may mean.
  const most = Math.max(ahead(wall - 86400000), ahead(wall + 86400000));
  const early = wall - most;
  return (ahead(early) === most ? early : wall - ahead(early)) / 1000;
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
