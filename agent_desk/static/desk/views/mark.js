// @ts-check
/** The mark of a caller who comes first, and what the register says of him. */
import { h, icon } from "../dom.js";
import { day } from "../format.js";

/** @param {any} caller whether he comes before others in every queue */
export function comesFirst(caller) {
  return ["danger", "priority_site"].includes(caller?.priority);
}

/** @param {any} caller the word of his mark, "" for none; his account may be a site's though he did not prove that it is his */
export function markOf(caller) {
  if (caller.priority === "danger") return "danger";
  if (caller.site) return caller.site.kind;
  const listed = caller.accounts.some((/** @type {any} */ card) => card.priority);
  if (comesFirst(caller)) return listed ? "priority_site" : "call";
  return listed ? "priority_site" : "";
}

/** @param {import("../words.js").Say} say @param {any} caller */
export function siteFacts(say, caller) {
  const { site, raised } = caller;
  const by = raised && h("p", { class: "warn" }, icon("alarm"), say("raised_by", raised));
  if (!site) return by ? [by] : [];
  const fact = (/** @type {string} */ word, /** @type {any} */ value) => (value ? h("div", {}, h("dt", {}, say(word)), h("dd", {}, value)) : null);
  return [
    h(
      "section",
      { class: "site", "aria-labelledby": "site-title" },
      h("h3", { id: "site-title" }, say("site_title")),
      h("p", {}, h("b", {}, site.name), h("small", {}, ` ${say.of("site_kind", site.kind)}`)),
      h("dl", { class: "facts" }, fact("site_note", site.note), fact("site_substation", site.substation), fact("site_valid", span(say, site))),
    ),
    by,
  ];
}

/** @param {import("../words.js").Say} say @param {any} site */
function span(say, { valid_from, valid_to }) {
  const from = day(valid_from, say.language);
  const to = day(valid_to, say.language);
  if (from && to) return say("site_valid_span", { from, to });
  return from ? say("site_valid_from", { from }) : to ? say("site_valid_to", { to }) : say("site_valid_open");
}
