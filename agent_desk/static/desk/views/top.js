// @ts-check
/** The bar above: who, status, queues, line, clock. */
import { canvas, fill, h, icon, write } from "../dom.js";
import { clock, span } from "../format.js";

export class Top {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say, given, act } = app;
    const place = /** @type {HTMLElement} */ (document.querySelector(".top"));
    this.timer = h("span", { class: "timer" });
    this.limit = h("span", { class: "limit" });
    this.status = h("span", { class: "status" });
    this.buttons = h("div", { class: "group" });
    this.queues = h("dl", { class: "queues", "aria-label": say("queues") });
    this.line = h("div", { class: "line" });
    this.clock = h("time", { class: "clock" });
    fill(place, [
      h(
        "div",
        { class: "who" },
        h("img", { src: "/static/favicon.svg", alt: "press2", width: 28, height: 28 }),
        h("div", {}, h("strong", {}, given.user.shown ?? given.user.name), h("small", {}, say.of("role", given.role))),
      ),
      h("div", { class: "state" }, h("p", {}, this.status, this.timer, this.limit), this.buttons),
      this.queues,
      this.line,
      this.clock,
      h(
        "div",
        { class: "group" },
        h("button", { type: "button", class: "plain", "aria-label": say("keys_title"), title: `${say("keys_title")} (?)`, on: { click: () => act("help") } }, "?"),
        h("button", { type: "button", class: "plain", "aria-label": say("settings"), title: say("settings"), on: { click: () => act("settings") } }, icon("settings")),
        given.role === "operator"
          ? h("button", { type: "button", class: "plain", "aria-label": say("cards_title"), title: say("cards_title"), on: { click: () => act("scorecards") } }, "★")
          : [
              h("button", { type: "button", class: "plain", "aria-label": say("recordings"), title: say("recordings"), on: { click: () => act("recordings") } }, icon("play")),
              h("a", { class: "plain", href: "/desk/dispatch/", target: "dispatch", "aria-label": say("dispatch_link"), title: say("dispatch_link") }, icon("alarm")),
            ],
        h("button", { type: "button", class: "plain text", on: { click: () => act("sign_out") } }, say("sign_out")),
      ),
    ]);
    this.drawButtons = canvas(this.buttons);
    this.drawQueues = canvas(this.queues);
    this.drawLine = canvas(this.line);
  }

  show() {
    const { app } = this;
    const { say, desk, act } = app;
    const { status, reason, tested } = desk.operator;
    write(this.status, desk.mode === "paused" ? `${say("mode_paused")}: ${say.of("pause", reason)}` : say(`mode_${desk.mode}`));
    const after = ["talk", "offer", "wrap_up", "broken"].includes(desk.mode);
    this.drawButtons([status, reason, tested, after, desk.mode], () => {
      const button = (/** @type {string} */ what, /** @type {boolean} */ on, /** @type {string} */ key) =>
        h(
          "button",
          { type: "button", "data-focus": what, class: what, "aria-pressed": on ? "true" : "false", title: key, on: { click: () => act(what) } },
          say(`status_${what}`),
        );
      return [
        button("ready", status === "ready", "Alt+G"),
        button("pause", status === "paused", "Alt+P"),
        button("offline", status === "offline", ""),
      ];
    });
    this.drawQueues(desk.state?.queues, () => desk.state?.queues.map((queue) => this.#queue(queue)) ?? []);
    const { registration } = app.phone;
    const { sample, verdict } = app.talk;
    const figures = sample && `${sample.loss}% · ${sample.jitter} ${say("ms")} · ${sample.round_trip} ${say("ms")}`;
    this.drawLine([registration, figures, verdict], () => [
      h("span", { class: `lamp ${verdict || registration}`, "aria-hidden": "true" }),
      h(
        "span",
        { title: say("line_figures") },
        h("span", {}, say(verdict ? `line_${verdict}` : `registration_${registration}`)),
        figures ? h("small", {}, figures) : null,
      ),
    ]);
    this.tick();
  }

  /** @param {any} queue */
  #queue({ queue, waiting, longest, free, serving }) {
    const { say } = this.app;
    return h(
      "div",
      { "data-queue": queue, class: waiting > free ? "busy" : "" },
      h("dt", {}, say.of("queue", queue)),
      h(
        "dd",
        { title: say("queue_figures") },
        h("b", {}, waiting),
        waiting ? [" · ", h("span", { "data-longest": longest })] : null,
        h("small", {}, h("span", { class: "unseen" }, say("queue_free")), ` ${free}/${serving}`),
      ),
    );
  }

  tick() {
    const { desk, now, say } = this.app;
    if (!desk.operator) return;
    write(this.timer, span(desk.since(now())));
    const left = desk.mode === "paused" ? desk.left(now()) : null;
    write(this.limit, left === null ? "" : left >= 0 ? say("left", { span: span(left) }) : say("over_limit", { span: span(-left) }));
    this.limit.classList.toggle("over", left !== null && left < 0);
    for (const place of this.queues.querySelectorAll("[data-longest]")) write(place, span(desk.time(now()) - Number(place.dataset.longest)));
    write(this.clock, clock(desk.time(now()), say.language));
  }
}
