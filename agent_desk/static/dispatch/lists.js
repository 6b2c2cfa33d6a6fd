// @ts-check
/** The lists of the page: events, suspected ones, priority calls, queues, who did what. */
import { canvas, h } from "../desk/dom.js";
import { dayTime, entered, telephone } from "../desk/format.js";
import { field, number, select } from "./fields.js";

const NAMES = ["alerts", "suspected", "events", "queues", "history"];

export class Lists {
  /** @param {import("./main.js").Page} page */
  constructor(page) {
    this.page = page;
    /** The row whose form is open: "suspected-3", "event-2". */
    this.open = "";
    /** @type {any} */
    this.state = null;
    this.draw = Object.fromEntries(
      NAMES.map((name) => [name, canvas(/** @type {HTMLElement} */ (document.getElementById(name)))]),
    );
  }

  /** @param {any} state */
  show(state) {
    this.state = state;
    const minute = Math.floor(state.time / 60);
    const forms = (/** @type {string} */ kind) => (this.open.startsWith(kind) ? [this.open] : [minute]);
    this.draw.alerts(state.alerts, () => this.#alerts());
    // While a form is open its list stands still: nothing is typed in vain.
    if (!this.open.startsWith("suspected")) this.draw.suspected([state.suspected, ...forms("suspected")], () => this.#suspected());
    if (!this.open.startsWith("event")) this.draw.events([state.events, ...forms("event")], () => this.#events());
    this.draw.queues(state.queues, () => this.#queues());
    this.draw.history(state.history, () => this.#history());
  }

  /** Opens the form of a row, or closes it. @param {string} row */
  turn(row) {
    this.open = row;
    this.draw.suspected([this.state.suspected, row], () => this.#suspected());
    this.draw.events([this.state.events, row], () => this.#events());
    if (row) /** @type {HTMLElement | null} */ (document.querySelector("form.deciding input, form.deciding select"))?.focus();
  }

  /** @param {string} path @param {object} body */
  async decide(path, body) {
    this.open = "";
    await this.page.send(path, body);
  }

  /** @param {number | null} moment */
  at(moment) {
    return dayTime(moment, this.page.say.language, new Date(this.state.time * 1000));
  }

  #title(/** @type {string} */ name, /** @type {number} */ count) {
    return h("h2", { id: `${name}-title` }, this.page.say(`dispatch_${name}`), count ? h("span", { class: "badge" }, ` ${count}`) : null);
  }

  #nothing() {
    return h("p", { class: "quiet" }, this.page.say("dispatch_none"));
  }

  // ------------------------------------------------------------------ priority calls

  #alerts() {
    const { say } = this.page;
    const { alerts } = this.state;
    return [
      this.#title("alerts", alerts.length),
      alerts.length
        ? h(
            "ul",
            { class: "lines" },
            alerts.map((/** @type {any} */ each) =>
              h(
                "li",
                {},
                h("time", {}, this.at(each.at)),
                " ",
                h("b", {}, each.site || say.of("priority", "call")),
                ` ${telephone(each.number)} · ${say(`dispatch_why_${each.why}`, each)}`,
                each.queue ? ` · ${say.of("queue", each.queue)}` : "",
                h("small", {}, [each.note, each.reason].filter(Boolean).join(" · ")),
              ),
            ),
          )
        : this.#nothing(),
    ];
  }

  // ------------------------------------------------------------------ suspected events

  #suspected() {
    const { say } = this.page;
    const { suspected } = this.state;
    return [
      this.#title("suspected", suspected.length),
      h("p", { class: "quiet" }, say("dispatch_suspected_note")),
      suspected.length ? h("ul", { class: "lines" }, suspected.map((/** @type {any} */ each) => this.#suspicion(each))) : this.#nothing(),
    ];
  }

  /** @param {any} each */
  #suspicion(each) {
    const { say } = this.page;
    const row = `suspected-${each.id}`;
    const path = `suspected/${each.id}`;
    return h(
      "li",
      { "data-row": row },
      h("b", {}, each.place),
      ` · ${say("dispatch_reports", { count: each.reports })} · ${say("dispatch_between", { first: this.at(each.first), last: this.at(each.last) })}`,
      this.open === row
        ? this.#confirming(path)
        : h(
            "div",
            { class: "row" },
            h("button", { type: "button", class: "small", "data-focus": `${row}-confirm`, on: { click: () => this.turn(row) } }, say("dispatch_confirm")),
            h("button", { type: "button", class: "small", on: { click: () => this.decide(path, { do: "dismiss" }) } }, say("dispatch_dismiss")),
          ),
    );
  }

  /** @param {string} path */
  #confirming(path) {
    const { say, given } = this.page;
    const cause = select("confirm-cause", ["", ...given.causes], "", (word) => (word ? say.of("cause", word) : say("dispatch_cause_unknown")));
    const customers = number("confirm-customers", "", 1, 5000000, 1);
    const until = h("input", { id: "confirm-restore", type: "datetime-local" });
    return this.#deciding(
      [field(say("dispatch_cause"), cause), field(say("dispatch_count"), customers), field(say("dispatch_restore_by"), until)],
      say("dispatch_confirm_now"),
      () =>
        this.decide(path, {
          do: "confirm",
          cause: cause.value,
          customers: customers.value === "" ? null : Number(customers.value),
          restore_by: entered(until.value),
        }),
    );
  }

  /** @param {any[]} fields @param {string} name @param {() => void} act */
  #deciding(fields, name, act) {
    return h(
      "form",
      {
        class: "deciding",
        on: {
          submit: (/** @type {Event} */ event) => {
            event.preventDefault();
            act();
          },
        },
      },
      h("div", { class: "fields" }, fields),
      h(
        "div",
        { class: "row" },
        h("button", { class: "main small" }, name),
        h("button", { type: "button", class: "small", on: { click: () => this.turn("") } }, this.page.say("dispatch_cancel")),
      ),
    );
  }

  // ------------------------------------------------------------------ events

  #events() {
    const { say } = this.page;
    const { events } = this.state;
    const columns = ["event", "where", "customers", "since", "restore", "age", "subscribed"];
    return [
      this.#title("events", events.length),
      events.length
        ? h(
            "div",
            { class: "wide-table", tabindex: 0 },
            h(
              "table",
              {},
              h("thead", {}, h("tr", {}, columns.map((key) => h("th", { scope: "col" }, say(`dispatch_${key}`))), h("td", {}))),
              h("tbody", {}, events.flatMap((/** @type {any} */ each) => this.#event(each))),
            ),
          )
        : this.#nothing(),
    ];
  }

  /** @param {any} each */
  #event(each) {
    const { say } = this.page;
    const row = `event-${each.id}`;
    const age = Math.max(0, Math.floor((this.state.time - each.updated) / 60));
    const old = age < 120 ? say("dispatch_minutes_ago", { count: age }) : say("dispatch_hours_ago", { count: Math.floor(age / 60) });
    const close = () => {
      if (confirm(say("dispatch_close_sure", { number: each.number, count: each.subscribed }))) this.decide(`event/${each.id}`, { do: "close" });
    };
    const cells = h(
      "tr",
      { "data-row": row },
      h("th", { scope: "row" }, each.number, h("small", {}, ` ${say(`dispatch_kind_${each.kind}`)}${each.cause ? `, ${say.of("cause", each.cause)}` : ""}`)),
      h("td", { class: "where" }, each.areas.join("; ")),
      h("td", { class: "digits" }, each.customers ?? "–"),
      h("td", {}, this.at(each.since)),
      h("td", {}, each.restore_by ? this.at(each.restore_by) : "–", each.overdue ? h("small", { class: "over" }, ` ${say("dispatch_overdue")}`) : null),
      h("td", {}, old, each.fresh ? null : h("small", { class: "over" }, ` ${say("dispatch_stale")}`)),
      h("td", { class: "digits" }, each.subscribed),
      h(
        "td",
        {},
        h(
          "div",
          { class: "row" },
          h("button", { type: "button", class: "small", "aria-label": say("dispatch_renew_of", each), on: { click: () => this.turn(row) } }, say("dispatch_renew")),
          h("button", { type: "button", class: "small", "aria-label": say("dispatch_close_of", each), on: { click: close } }, say("dispatch_close")),
        ),
      ),
    );
    return this.open === row ? [cells, this.#renewing(each)] : cells;
  }

  /** @param {any} each */
  #renewing(each) {
    const { say } = this.page;
    const until = h("input", { id: "renew-restore", type: "datetime-local" });
    const form = this.#deciding([field(say("dispatch_restore_by"), until)], say("dispatch_save"), () =>
      this.decide(`event/${each.id}`, { do: "renew", restore_by: entered(until.value) }),
    );
    return h("tr", {}, h("td", { colspan: 8 }, form));
  }

  // ------------------------------------------------------------------ queues, who did what

  #queues() {
    const { say } = this.page;
    const { queues } = this.state;
    if (!queues) return [this.#title("queues", 0), h("p", { class: "warn" }, say("dispatch_queue_down"))];
    return [
      this.#title("queues", 0),
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, h("td", {}), ["waiting", "serving", "wait"].map((key) => h("th", { scope: "col" }, say(`dispatch_${key}`))))),
        h(
          "tbody",
          {},
          queues.map((/** @type {any} */ each) =>
            h(
              "tr",
              { "data-queue": each.queue },
              h("th", { scope: "row" }, say.of("queue", each.queue)),
              h("td", { class: "digits" }, each.waiting),
              h("td", { class: "digits" }, `${each.serving} (${each.free})`),
              h("td", { class: "digits" }, each.serving ? say("dispatch_min", { count: Math.ceil(each.wait / 60) }) : "–"),
            ),
          ),
        ),
      ),
    ];
  }

  #history() {
    const { say } = this.page;
    const { history } = this.state;
    return [
      this.#title("history", 0),
      history.length
        ? h(
            "ul",
            { class: "lines" },
            history.map((/** @type {any} */ each) => this.#change(each)),
          )
        : this.#nothing(),
    ];
  }

  /** @param {any} each */
  #change(each) {
    const { say } = this.page;
    const did = `${each.undoes ? `${say("dispatch_undoes")}: ` : ""}${say(`storm_did_${each.what}`)}`;
    const undo = () => this.page.send(`undo/${each.action}`, {});
    return h(
      "li",
      { class: each.undone ? "quiet" : "" },
      h("time", {}, this.at(each.at)),
      ` ${did} · ${each.who === "rule" ? say("dispatch_rule") : each.who}`,
      each.undone ? ` · ${say("dispatch_undone", { who: each.undone })}` : "",
      " ",
      each.action
        ? h("button", { type: "button", class: "small", "data-focus": `undo-${each.action}`, "aria-label": say("dispatch_undo_of", { did }), on: { click: undo } }, say("dispatch_undo"))
        : null,
      each.reason ? h("small", {}, each.reason) : null,
    );
  }
}
