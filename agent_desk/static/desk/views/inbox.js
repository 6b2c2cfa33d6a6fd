// @ts-check
/** Call-backs and voice messages in one list, the oldest promise first. */
import { canvas, fill, h, icon, write } from "../dom.js";
import { Dialog } from "./dialog.js";
import { dayTime, span, telephone } from "../format.js";

export class Inbox {
  /** @type {any[] | null} */
  #items = null;
  #counted = "";
  #loading = false;

  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say } = app;
    this.count = h("span", { class: "count" });
    this.late = h("span", { class: "mark late", hidden: true });
    this.list = h("ul", { class: "items" });
    this.audio = h("audio", { controls: true, hidden: true, "aria-label": say("message_sound") });
    this.place = /** @type {HTMLElement} */ (document.querySelector("#inbox"));
    fill(this.place, [
      h("h2", { id: "inbox-title" }, say("inbox"), " ", this.count, " ", this.late, h("kbd", { "aria-hidden": "true" }, "Alt+I")),
      this.list,
      this.audio,
      h("button", { type: "button", class: "small", on: { click: () => this.#promise() } }, say("callback_new")),
    ]);
    this.draw = canvas(this.list);
    this.dialog = new Dialog(say("cancel_title"), say("close"), "narrow");
    this.promise = new Dialog(say("callback_new"), say("close"), "narrow");
  }

  show() {
    const { callbacks, messages, late } = this.app.desk.state?.inbox ?? { callbacks: 0, messages: 0, late: 0 };
    write(this.count, String(callbacks + messages));
    write(this.late, late ? this.app.say("inbox_late", { late }) : "");
    this.late.hidden = !late;
    const counted = `${callbacks} ${messages} ${late}`;
    if (counted !== this.#counted) {
      this.#counted = counted;
      this.load();
    }
    this.#draw();
  }

  tick() {
    for (const place of this.list.querySelectorAll("[data-since]")) {
      const since = Number(place.dataset.since);
      write(place, span(this.app.desk.time(this.app.now()) - since));
    }
    for (const place of this.list.querySelectorAll("[data-due]")) this.#mark(place);
  }

  /** Says how pressing a promise is: red when most of its time is over, late when all is. */
  #mark(/** @type {HTMLElement} */ place) {
    const { say, desk } = this.app;
    const now = desk.time(this.app.now());
    const late = now >= Number(place.dataset.due);
    const red = late || now >= Number(place.dataset.red);
    place.hidden = !red;
    place.className = late ? "mark late" : "mark";
    const at = dayTime(Number(place.dataset.due), say.language);
    write(place, red ? say(late ? "item_late" : "item_red", { at }) : "");
    place.closest("li")?.classList.toggle("pressing", red);
  }

  focus() {
    (this.list.querySelector("button") ?? this.place).focus();
  }

  async load() {
    if (this.#loading) return;
    this.#loading = true;
    const told = await this.app.guarded(() => this.app.api.get("/desk/inbox"));
    this.#loading = false;
    if (!told) return;
    this.#items = told.items;
    this.#draw();
  }

  #draw() {
    const { say, desk } = this.app;
    const free = desk.mode === "ready";
    this.draw([this.#items, free], () =>
      this.#items?.length ? this.#items.map((item) => this.#item(item, free)) : [h("li", { class: "quiet" }, say(this.#items ? "inbox_empty" : "inbox_loading"))],
    );
    this.tick();
  }

  /** @param {any} item @param {boolean} free */
  #item(item, free) {
    const { say } = this.app;
    const { kind, id, number, queue, since, tries, next_at, account, state, red, due } = item;
    const name = telephone(number) || say("number_hidden");
    const button = (/** @type {string} */ what, /** @type {string} */ word, disabled = false) =>
      h(
        "button",
        { type: "button", class: "small", "data-focus": `${kind}-${id}-${what}`, disabled, "aria-label": `${say(word)}: ${name}`, on: { click: () => this.#do(item, what) } },
        what === "listen" ? icon("play") : null,
        say(word),
      );
    return h(
      "li",
      { class: kind },
      h(
        "div",
        {},
        h("b", {}, name),
        due ? h("small", {}, h("span", { class: "mark", hidden: true, "data-red": toSeconds(red), "data-due": toSeconds(due) })) : null,
        h("small", {}, say(kind === "callback" ? "item_callback" : "item_message"), " · ", say.of("queue", queue), account ? ` · ${account}` : ""),
        h(
          "small",
          {},
          say("item_since"), " ", h("span", { "data-since": toSeconds(since) }),
          tries ? ` · ${say("item_tries", { tries })}` : "",
          next_at && toSeconds(next_at) > this.app.desk.time(this.app.now()) ? ` · ${say("item_next", { at: dayTime(next_at, say.language) })}` : "",
        ),
      ),
      h(
        "div",
        { class: "row" },
        kind === "callback"
          ? state === "calling"
            ? [h("small", {}, say("item_calling"))]
            : [button("take", "item_take", !free), button("done", "item_done"), button("cancel", "item_cancel")]
          : [button("listen", "item_listen"), button("done", "item_done")],
      ),
    );
  }

  /** @param {any} item @param {string} what */
  async #do({ kind, id }, what) {
    const { api, guarded } = this.app;
    if (what === "listen") {
      this.audio.hidden = false;
      this.audio.src = `/desk/inbox/message/${id}/sound`;
      this.app.sounds.speak(this.audio);
      return;
    }
    if (what === "cancel") return this.#cancel(id);
    await guarded(() => api.post(`/desk/inbox/${kind}/${id}`, { do: what }));
    this.load();
  }

  /** Promises somebody a call-back: the caller, or whoever is named. */
  #promise() {
    const { say, api, guarded, desk, given, account, notices } = this.app;
    const number = h("input", { id: "callback-number", type: "tel", required: true, maxlength: 30, value: desk.caller?.number ?? "" });
    const queue = h("select", { id: "callback-queue" }, given.queues.map((/** @type {string} */ name) => h("option", { value: name }, say.of("queue", name))));
    queue.value = desk.caller?.queue ?? "general";
    const send = async (/** @type {Event} */ event) => {
      event.preventDefault();
      const ticket = desk.state?.talk?.ticket ?? null;
      const wish = { number: number.value.trim(), queue: queue.value, account: account?.account ?? null, ticket };
      const made = await guarded(() => api.post("/desk/callback", wish));
      this.promise.close();
      if (made) notices.tell("info", say("callback_made", { number: telephone(made.number) }));
      this.load();
    };
    this.promise.open(
      [
        h(
          "form",
          { on: { submit: send } },
          h("div", { class: "field" }, h("label", { for: "callback-number" }, say("callback_number")), number),
          h("div", { class: "field" }, h("label", { for: "callback-queue" }, say("callback_queue")), queue),
          h("div", { class: "row end" }, h("button", { class: "main" }, say("callback_new"))),
        ),
      ],
      "input",
    );
  }

  /** @param {number} id a promise is taken back for a reason only */
  #cancel(id) {
    const { say, api, guarded } = this.app;
    const reason = h("input", { id: "cancel-reason", maxlength: 400, required: true });
    const send = async (/** @type {Event} */ event) => {
      event.preventDefault();
      this.dialog.close();
      await guarded(() => api.post(`/desk/inbox/callback/${id}`, { do: "cancel", reason: reason.value.trim() }));
      this.load();
    };
    this.dialog.open(
      [h("form", { on: { submit: send } }, h("label", { for: "cancel-reason" }, say("cancel_reason")), reason, h("div", { class: "row end" }, h("button", { class: "main" }, say("item_cancel"))))],
      "input",
    );
  }
}

/** @param {number | string} when */
function toSeconds(when) {
  return typeof when === "number" ? when : Date.parse(when) / 1000;
}
