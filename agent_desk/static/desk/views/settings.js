// @ts-check
/** What the operator chooses for himself. */
import { h } from "../dom.js";
import { Dialog } from "./dialog.js";

export class SettingsDialog {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.dialog = new Dialog(app.say("settings"), app.say("close"), "narrow");
  }

  open() {
    const { say, settings, act, changed } = this.app;
    const option = (/** @type {string} */ text, /** @type {boolean} */ checked, /** @type {(on: boolean) => void} */ set) =>
      h(
        "label",
        { class: "option" },
        h("input", { type: "checkbox", checked, on: { change: (/** @type {any} */ event) => set(event.target.checked) } }),
        h("span", {}, text),
      );
    this.dialog.open(
      [
        option(say("setting_automatic"), settings.automatic, (on) => {
          settings.automatic = on;
          changed();
        }),
        "Notification" in window
          ? option(say("setting_notify"), settings.notify, async (on) => {
              settings.notify = on && (await Notification.requestPermission()) === "granted";
            })
          : null,
        h(
          "button",
          {
            type: "button",
            on: {
              click: () => {
                this.dialog.close();
                act("check");
              },
            },
          },
          say("check_again"),
        ),
        h(
          "nav",
          { class: "languages", "aria-label": say("language") },
          Object.entries(this.app.given.languages ?? {}).map(([code, name]) =>
            h("a", { href: `?language=${code}`, lang: code, "aria-current": code === say.language ? "true" : null }, name),
          ),
        ),
      ],
      "input",
    );
  }
}
