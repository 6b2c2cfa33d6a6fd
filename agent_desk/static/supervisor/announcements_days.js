// @ts-check
/** Other hours on single days: the list, and the form that sets one. */
import { fill, h } from "../desk/dom.js";
import { day, telephone } from "../desk/format.js";
import { field, select } from "../dispatch/fields.js";
import { given, say } from "./page.js";

const ALL = "*";
const VISITS = "visits";

export class Days {
  /**
   * @param {HTMLElement} place @param {(path: string, body: object) => Promise<boolean>} send
   * @param {() => any} state
   */
  constructor(place, send, state) {
    this.place = place;
    this.send = send;
    this.state = state;
    place.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    this.#draw();
  }

  /** @param {any} state */
  known(state) {
    this.day.min = state.local.slice(0, 10);
  }

  /** @param {string} service */
  name(service) {
    if (service === ALL) return say("hours_all");
    if (service === VISITS) return say("hours_visits");
    if (given.offices[service]) return given.offices[service];
    return given.with_hours.includes(service) ? say.of("queue", service) : `${say.of("queue", service)} (${say("hours_always")})`;
  }

  /** @param {{ closed: boolean, opens: string | null, closes: string | null }} row */
  span(row) {
    return row.closed ? say("hours_is_closed") : `${row.opens}–${row.closes}`;
  }

  /** @param {any[]} rows */
  list(rows) {
    if (!rows.length) return [h("p", { class: "quiet" }, say("hours_none"))];
    return [h("ul", { class: "days" }, rows.map((row) => this.#row(row)))];
  }

  /** @param {any} row */
  #row(row) {
    return h(
      "li",
      { "data-service": row.service, "data-day": row.day },
      h("time", {}, day(row.day, say.language)),
      h("div", {}, h("b", {}, this.span(row)), ` ${this.name(row.service)}`, h("small", {}, [row.note, row.by].filter(Boolean).map((text) => ` · ${text}`).join(""))),
      h(
        "button",
        { type: "button", class: "small", on: { click: () => this.send("restore", { service: row.service, day: row.day, version: row.version }) } },
        say("hours_restore"),
      ),
      row.unmet.length ? this.#unmet(row.unmet) : null,
    );
  }

  /** Who comes all the same, unless somebody tells him. @param {any[]} rows */
  #unmet(rows) {
    return h(
      "div",
      { class: "unmet" },
      h("b", {}, say("hours_unmet", { count: rows.length })),
      h(
        "ul",
        {},
        rows.map((each) =>
          h(
            "li",
            {},
            say(each.application ? "hours_unmet_visit" : "hours_unmet_row", {
              starts: each.starts.slice(11), ends: each.ends.slice(11), number: telephone(each.number) || "–", receipt: each.application ?? each.receipt ?? "–",
            }),
            each.place === VISITS ? "" : h("small", {}, ` ${this.name(each.place)}`),
          ),
        ),
      ),
    );
  }

  #draw() {
    this.service = select("service", given.services, ALL, (word) => this.name(word));
    this.day = h("input", { id: "day-of", type: "date", required: true });
    this.closed = h("input", { id: "closed", type: "checkbox" });
    this.opens = h("input", { id: "opens", type: "time", value: "09:00" });
    this.closes = h("input", { id: "closes", type: "time", value: "14:00" });
    this.note = h("input", { id: "note", type: "text", maxlength: 200 });
    const spans = h("div", { class: "fields" }, field(say("hours_opens"), this.opens), field(say("hours_closes"), this.closes));
    const turn = () => (spans.hidden = this.closed.checked);
    this.closed.addEventListener("change", turn);
    turn();
    fill(this.place, [
      h("div", { class: "fields" }, field(say("hours_service"), this.service), field(say("hours_day"), this.day)),
      h("label", { class: "option" }, this.closed, say("hours_closed")),
      spans,
      field(say("hours_note"), this.note),
      h("div", { class: "row end" }, h("button", { class: "main" }, say("hours_set"))),
    ]);
  }

  async #save() {
    const [service, wanted] = [this.service.value, this.day.value];
    const known = this.state().hours.find((/** @type {any} */ each) => each.service === service && each.day === wanted);
    const done = await this.send("hours", {
      service, day: wanted, closed: this.closed.checked, opens: this.opens.value, closes: this.closes.value, note: this.note.value, version: known?.version ?? 0,
    });
    if (done) this.note.value = "";
  }
}
