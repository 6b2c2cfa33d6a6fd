// @ts-check
/** The start page: shows a Phone and the health of the parts. */
import { Phone } from "./phone.js";
import { sipLines } from "./sip_line.js";

/** Milliseconds between two looks at the parts. */
const HEALTH_EVERY = 3000;

/** @param {string} selector @returns {any} */
const find = (selector) => document.querySelector(selector);
const given = JSON.parse(find("#given").textContent);

if (given.secret) showPhone();
showHealth();

function showPhone() {
  const view = {
    phone: find(".phone"),
    state: find(".state"),
    keyed: find(".keyed"),
    clock: find(".clock"),
    call: find(".call"),
    hangUp: find(".hang-up"),
    number: find("#number"),
  };
  const phone = new Phone(sipLines(given, find("audio")), show);
  let answered = 0;

  function show() {
    const { state, reason, silent, keys, busy } = phone;
    view.phone.dataset.state = state;
    view.state.textContent = given.words[`state_${reason || (silent && busy ? "silent" : state)}`];
    view.keyed.textContent = keys;
    view.call.hidden = busy;
    view.hangUp.hidden = !busy;
    view.number.disabled = busy;
    if (state === "talking" && !answered) answered = Date.now();
    if (!busy) answered = 0;
    tick();
  }

  function tick() {
    const seconds = answered ? Math.floor((Date.now() - answered) / 1000) : 0;
    const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    view.clock.textContent = answered ? clock : "";
  }

  function dial() {
    phone.call(view.number.value);
    view.hangUp.focus();
  }

  async function hangUp() {
    await phone.hangUp();
    view.call.focus();
  }

  /** @param {string} key */
  function press(key) {
    if (!phone.press(key)) return;
    const button = find(`[data-key="${CSS.escape(key)}"]`);
    button.classList.remove("pressed");
    void button.offsetWidth; // starts the animation anew when the same key comes again
    button.classList.add("pressed");
  }

  view.call.addEventListener("click", dial);
  view.hangUp.addEventListener("click", hangUp);
  for (const button of document.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => press(button.getAttribute("data-key") ?? ""));
  }
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === "Enter" && !target.closest("button, a, select")) {
      event.preventDefault(); // else this Enter also clicks the button that dialling focuses
      dial();
    } else if (event.key === "Escape") hangUp();
    else if (!target.closest("select")) press(event.key);
  });
  addEventListener("pagehide", () => phone.hangUp());
  setInterval(tick, 500);
  show();
}

async function showHealth() {
  let parts = null;
  try {
    parts = (await (await fetch("/health")).json()).parts;
  } catch {
    parts = null; // the page's own server is gone
  }
  for (const row of document.querySelectorAll("[data-part]")) {
    const name = row.getAttribute("data-part");
    const part = name === "page" ? { up: parts ? 1 : 0, of: 1 } : parts?.find((/** @type {any} */ each) => each.name === name);
    showPart(row, part ?? { up: 0, of: 1 });
  }
  setTimeout(showHealth, HEALTH_EVERY);
}

/** @param {Element} row @param {{ up: number, of: number }} part */
function showPart(row, { up, of }) {
  const { words } = given;
  const count = words.part_of.replace("{up}", String(up)).replace("{of}", String(of));
  row.setAttribute("data-up", up === of ? "all" : up ? "some" : "none");
  const text = up === 0 ? words.part_down : of > 1 ? count : words.part_up;
  const place = row.querySelector("dd");
  if (place && place.textContent !== text) place.textContent = text;
}
