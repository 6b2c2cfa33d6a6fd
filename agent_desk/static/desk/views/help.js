// @ts-check
/** The keys of the desk, all on one sheet. */
import { h } from "../dom.js";
import { SHORTCUTS } from "../shortcuts.js";
import { Dialog } from "./dialog.js";

export class Help {
  /** @param {import("../main.js").App} app */
  constructor({ say }) {
    this.dialog = new Dialog(say("keys_title"), say("close"), "wide");
    const row = (/** @type {string[]} */ keys, /** @type {string} */ text) =>
      h("div", {}, h("dt", {}, keys.map((key) => h("kbd", {}, key))), h("dd", {}, text));
    this.content = [
      h(
        "dl",
        { class: "keys" },
        row(["Enter"], say("key_enter")),
        SHORTCUTS.map(({ act, keys }) => row(keys, say(`key_${act}`))),
        row(["Esc"], say("key_escape")),
      ),
      h("p", { class: "quiet" }, say("keys_note")),
    ];
  }

  open() {
    this.dialog.open(this.content);
  }
}
