// @ts-check
/** Ranges of days that are asked for often. Days are local days of the company, as ISO texts. */

const DAY = 86_400_000;

/** @param {Date} day */
const iso = (day) => day.toISOString().slice(0, 10);

/**
 * @param {string} today
 * @returns {{ key: string, range: [string, string] }[]} key: of the words
 */
export function presets(today) {
  const now = new Date(`${today}T00:00Z`);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  const at = (/** @type {number} */ y, /** @type {number} */ m, /** @type {number} */ d) => iso(new Date(Date.UTC(y, m, d)));
  const yesterday = iso(new Date(now.getTime() - DAY));
  return [
    { key: "reports_today", range: [today, today] },
    { key: "reports_yesterday", range: [yesterday, yesterday] },
    { key: "reports_week", range: [iso(new Date(now.getTime() - 6 * DAY)), today] },
    { key: "reports_month", range: [at(year, month, 1), today] },
    { key: "reports_last_month", range: [at(year, month - 1, 1), at(year, month, 0)] },
    { key: "reports_year", range: [at(year, 0, 1), today] },
    { key: "reports_last_year", range: [at(year - 1, 0, 1), at(year - 1, 11, 31)] },
  ];
}
