// @ts-check
/** Who else is at work. */
import { canvas, fill, h } from "../dom.js";

export class Colleagues {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.place = /** @type {HTMLElement} */ (document.querySelector("#colleagues"));
    this.list = h("ul", { class: "people" });
    fill(this.place, [h("h2", { id: "colleagues-title" }, app.say("colleagues"), h("kbd", { "aria-hidden": "true" }, "Alt+L")), this.list]);
    this.draw = canvas(this.list);
  }

  /** @returns {any[]} everybody but the operator himself */
  get others() {
    const { desk } = this.app;
    return (desk.state?.colleagues ?? []).filter(({ name }) => name !== desk.operator?.name);
  }

  show() {
    const { say } = this.app;
    this.draw(this.others, () =>
      this.others.length
        ? this.others.map((colleague) =>
            h("li", {}, h("span", { class: `lamp ${presence(colleague)}`, "aria-hidden": "true" }), h("span", {}, colleague.shown || colleague.name), h("small", {}, say(`presence_${presence(colleague)}`))),
          )
        : [h("li", { class: "quiet" }, say("colleagues_none"))],
    );
  }

  focus() {
    this.place.focus();
    this.place.scrollIntoView({ block: "nearest" });
  }
}

/** @param {{ status: string, state: string }} colleague @returns {string} free, busy, paused, offline or disconnected */
export function presence({ status, state }) {
  if (state === "disconnected") return "disconnected";
  if (["talking", "offered", "wrap_up"].includes(state)) return "busy";
  return status === "ready" ? "free" : status;
}
