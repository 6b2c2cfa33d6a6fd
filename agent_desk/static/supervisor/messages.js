// @ts-check
/** Messages to one operator or to all: written, followed until they are seen, withdrawn. */
import { fill, h, write } from "../desk/dom.js";
import { span, time } from "../desk/format.js";
import { page, say } from "./page.js";
import { staff } from "./staff.js";

/** @typedef {import("./staff.js").Message} Message */

/** Characters of a text; minutes that are proposed, and at most. */
const LONGEST = 500;
const MINUTES = 60;
const MOST_MINUTES = 720;

/** Milliseconds between two steps of the time that is left. */
const SECOND = 1000;

/** @returns {HTMLElement} a card with a form and all that is shown on the desks now */
export function messages() {
  const to = h("select", { name: "receiver" });
  const text = h("textarea", { name: "text", rows: 2, maxlength: LONGEST, required: true });
  const minutes = h("input", { name: "minutes", type: "number", min: 1, max: MOST_MINUTES, value: MINUTES, required: true });
  const list = h("ul", { class: "messages" });
  const form = h(
    "form",
    {
      class: "message-form",
      on: {
        submit: async (/** @type {Event} */ event) => {
          event.preventDefault();
          const sent = await page.send("listening/message", { receiver: to.value, text: text.value, minutes: Number(minutes.value) });
          if (sent) text.value = "";
        },
      },
    },
    h("label", {}, h("span", {}, say("listening_message_to")), to),
    h("label", {}, h("span", {}, say("listening_message_minutes")), minutes),
    h("label", { class: "wide" }, h("span", {}, say("listening_message_text")), text),
    h("button", { class: "main" }, say("listening_message_send")),
  );
  const node = h("section", { class: "card messages-card", "aria-labelledby": "messages-title" }, h("h2", { id: "messages-title" }, say("listening_messages")), form, list);
  let known = "";
  staff.on(node, (now) => {
    const names = JSON.stringify(now.staff);
    if (names !== known) {
      known = names;
      const chosen = to.value;
      const others = now.staff.filter(({ name }) => name !== staff.me);
      fill(to, [h("option", { value: "" }, say("listening_message_all")), ...others.map(({ name, shown }) => h("option", { value: name }, shown))]);
      to.value = chosen;
    }
    fill(list, now.messages.length ? now.messages.map(row) : [h("li", { class: "quiet" }, say("listening_message_none"))]);
    tick(list);
  });
  setInterval(() => tick(list), SECOND);
  return node;
}

/** @param {Message} message */
function row(message) {
  const names = message.seen.map(({ shown, at }) => `${shown} ${time(at, say.language)}`).join(", ");
  return h(
    "li",
    { "data-message": message.id },
    h("p", {}, h("b", {}, message.receiver ? message.receiver_shown : say("listening_message_all")), " ", h("small", { class: "quiet" }, `${message.shown}, ${time(message.sent_at, say.language)}, `, h("span", { "data-until": message.until }))),
    h("p", { class: "message-text" }, message.text),
    h("p", { class: "quiet seen-by" }, names ? say("listening_message_seen", { names }) : say("listening_message_unseen")),
    h("button", { type: "button", class: "small", on: { click: () => page.send("listening/message/withdraw", { id: message.id }) } }, say("listening_message_withdraw")),
  );
}

/** @param {Element} list */
function tick(list) {
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[data-until]"))) {
    const left = Math.max(0, Number(place.dataset.until) - Date.now() / 1000);
    write(place, say("listening_message_left", { span: span(left) }));
  }
}
