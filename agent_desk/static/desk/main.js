// @ts-check
/** The operator's desk: puts its parts together. */
import { Api, Refusal, Unreachable } from "./api.js";
import { Desk, duty } from "./desk.js";
import { write } from "./dom.js";
import { Exchange } from "./exchange.js";
import { Live } from "./live.js";
import { Phone } from "./phone.js";
import { Settings } from "./settings.js";
import { shortcut } from "./shortcuts.js";
import { Sounds } from "./sounds.js";
import { Talk } from "./talk.js";
import { typing } from "./dom.js";
import { words } from "./words.js";
import { Answers } from "./views/answers.js";
import { CallPanel } from "./views/call.js";
import { CallerPanel } from "./views/caller.js";
import { Check } from "./views/check.js";
import { Colleagues } from "./views/colleagues.js";
import { Forms } from "./views/forms.js";
import { Help } from "./views/help.js";
import { Inbox } from "./views/inbox.js";
import { Notices } from "./views/notices.js";
import { Pause } from "./views/pause.js";
import { SettingsDialog } from "./views/settings.js";
import { Top } from "./views/top.js";
import { Transfer } from "./views/transfer.js";

/** @typedef {typeof app} App what every view may use */

const given = JSON.parse(/** @type {HTMLElement} */ (document.querySelector("#given")).textContent ?? "{}");
const say = words(given.words, document.documentElement.lang);
/** Later tabs have greater ids: the newest one has the say. */
const tab = `${String(Date.now()).padStart(13, "0")}-${crypto.randomUUID().slice(0, 8)}`;
const api = new Api(given.csrf, tab);
const desk = new Desk(sessionStorage);
const sounds = new Sounds(localStorage);
const settings = new Settings(localStorage);
const notices = new Notices(say);
const phone = new Phone(mayAnswer, () => changed());
const now = () => Date.now() / 1000;

const app = {
  given, say, api, desk, sounds, settings, notices, phone, now,
  /** The account the operator works with: a card, or null. @type {any} */
  account: null,
  /** The network figures of the headset check and of the talk. */
  talk: /** @type {Talk} */ (/** @type {unknown} */ (null)),
  /** Why the page has stopped: "taken", "signed_out", "" while it works. */
  over: "",
  changed, act, setStatus, guarded,
  /** @type {Exchange | null} */
  exchange: null,
};
app.talk = new Talk(app);

const views = {
  top: new Top(app), call: new CallPanel(app), caller: new CallerPanel(app), forms: new Forms(app),
  answers: new Answers(app), inbox: new Inbox(app), colleagues: new Colleagues(app),
};
const check = new Check(app);
const transfer = new Transfer(app);
const pause = new Pause(app);
const help = new Help(app);
const settingsDialog = new SettingsDialog(app);

// ---------------------------------------------------------------------------- live events

const live = new Live(`/desk/events?tab=${encodeURIComponent(tab)}`, {
  up: () => {
    notices.drop("live");
    app.exchange?.look();
  },
  down: () => notices.put("live", "warning", say("live_lost")),
  refused: (status) => stop(status === 409 ? "taken" : "signed_out"),
  event: (name, data) => {
    if (name === "taken") stop("taken");
    else if (name === "bye") stop("signed_out");
    else if (name === "state" && desk.take(data, now())) {
      if (phone.registration === "off") connectPhone(); // not before: this tab must have the say
      changed();
    }
  },
});

/** @param {"taken" | "signed_out"} why the page may no longer act */
function stop(why) {
  if (app.over) return;
  app.over = why;
  live.stop();
  sounds.quiet();
  app.exchange?.stop();
  phone.become("off");
  if (why === "signed_out") return location.assign("/desk/sign-in");
  notices.put("over", "error", say("taken"), [{ text: say("take_back"), act: () => location.reload() }]);
  document.body.dataset.over = why;
}

// ---------------------------------------------------------------------------- the telephone

/** @param {string} token @returns {Promise<string>} */
async function mayAnswer(token) {
  if (phone.rings.get(token)?.from.startsWith("op-")) return ""; // a colleague: no offer to be late for
  try {
    await api.post("/desk/answer", { token });
    return "";
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

const account = () => api.post("/desk/phone", {});

async function connectPhone() {
  phone.become("connecting");
  try {
    const exchange = new Exchange(await account(), sounds, {
      rung: (ring) => phone.rung(ring),
      quiet: (ring) => phone.quiet(ring),
      registration: (registration) => phone.become(registration),
      account,
    });
    app.exchange = exchange;
    phone.connect(exchange);
    await exchange.start();
  } catch (error) {
    if (app.over) return;
    phone.become(error instanceof Refusal ? "refused" : "lost");
    setTimeout(connectPhone, 3000);
  }
}

/** @param {string} token */
async function answer(token) {
  if (phone.registration !== "registered") notices.tell("warning", say("phone_not_registered"));
  const refused = await phone.answer(token);
  if (refused) notices.tell("error", refused);
}

function obey() {
  const what = duty(desk, phone, settings);
  if (what === "answer") {
    if (!desk.returning) sounds.beep();
    answer(desk.state?.offer.token);
  } else if (what === "forget") phone.forget(phone.answering);
  else if (what === "hang_up") setTimeout(() => duty(desk, phone, settings) === "hang_up" && phone.hangUp(), 1500);
}

// ---------------------------------------------------------------------------- what is shown

let drawing = false;

/** Something changed: draw once, soon. */
function changed() {
  if (drawing) return;
  drawing = true;
  queueMicrotask(() => {
    drawing = false;
    show();
  });
}

let lastMode = "";
let lastContact = "";

function show() {
  if (app.over || !desk.state) return;
  const mode = desk.mode;
  obey();
  chooseAccount();
  document.body.dataset.mode = mode;
  for (const view of Object.values(views)) view.show();
  transfer.show();
  app.talk.show();
  ringOrNot();
  showTrouble();
  const contact = `${mode} ${desk.contact?.token ?? ""}`;
  if (contact !== lastContact) {
    lastContact = contact;
    tellMode(mode);
  }
  if (lastMode !== mode) {
    if (lastMode === "loading" || lastMode === "") check.openIfWanted();
    lastMode = mode;
  }
}

/** The account is chosen for the operator when there is one only; another contact begins anew. */
function chooseAccount() {
  const ticket = desk.contact?.ticket ?? "";
  if (chooseAccount.ticket !== ticket) {
    chooseAccount.ticket = ticket;
    const accounts = desk.caller?.accounts ?? [];
    const keyed = desk.caller?.keyed?.find((/** @type {any} */ { what }) => what === "account")?.value;
    app.account = accounts.find((/** @type {any} */ { account }) => account === keyed) ?? (accounts.length === 1 ? accounts[0] : null);
  } else if (app.account) {
    // Its card may have been renewed: a reading was stored, a ticket opened.
    const fresh = desk.caller?.accounts?.find((/** @type {any} */ card) => card.account === app.account.account);
    if (fresh) app.account = fresh;
  }
}
chooseAccount.ticket = "";

/** @param {string} mode */
function tellMode(mode) {
  const { caller } = desk;
  if (mode === "offer") {
    const text = say("offer_told", { who: views.caller.headline(), queue: say.of("queue", caller?.queue ?? "") });
    write(/** @type {Element} */ (document.querySelector("#alarm")), text);
    if (settings.notify && document.hidden && Notification.permission === "granted") new Notification(say("offer"), { body: text });
    if (document.activeElement === document.body) views.call.focus();
  } else {
    write(/** @type {Element} */ (document.querySelector("#told")), say(`told_${mode}`));
    if (mode === "wrap_up") views.call.focusCode();
  }
}

/** Whether somebody waits for this operator to pick up. */
const wanted = () =>
  !phone.call && !phone.answering && (desk.mode === "offer" || phone.rings.size > 0) && !desk.returning;

function ringOrNot() {
  if (wanted()) sounds.ring();
  else sounds.quiet();
}

function showTrouble() {
  const { registration, deaf } = phone;
  if (desk.state?.down) notices.put("down", "warning", say("queue_down"));
  else notices.drop("down");
  if (registration === "lost" || registration === "refused") {
    notices.put("phone", "error", say(`phone_${registration}`));
  } else notices.drop("phone");
  if (deaf) notices.put("deaf", "error", say("microphone_lost"));
  else if (!phone.call) notices.drop("deaf");
  if (phone.broke) {
    notices.tell("error", say(`broke_${phone.broke}`));
    phone.broke = "";
  }
  if (wanted() && sounds.mute) notices.put("mute", "warning", say("sound_waits"));
  else notices.drop("mute");
}

setInterval(() => {
  if (app.over || !desk.state) return;
  views.top.tick();
  views.call.tick();
  views.caller.tick();
  views.inbox.tick();
  const blink = wanted() && Math.floor(now()) % 2 === 0;
  document.title = blink ? `☎ ${say("offer")}` : title();
}, 500);

function title() {
  const status = desk.mode === "paused" ? say.of("pause", desk.operator?.reason) : say(`mode_${desk.mode}`);
  return `${status} · press2`;
}

// ---------------------------------------------------------------------------- what is done

/**
 * Does something with the server; what it refuses is told.
 * @template T
 * @param {() => Promise<T>} act
 * @returns {Promise<T | undefined>}
 */
async function guarded(act) {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refusal) {
      if (error.status === 401) stop("signed_out");
      else notices.tell("error", error.message);
    } else if (error instanceof Unreachable) notices.tell("error", say("unreachable"));
    else throw error;
  }
  return undefined;
}

/** @param {string} status @param {string} [reason] */
async function setStatus(status, reason = "") {
  if (status === "ready" && !desk.operator?.tested) return check.open();
  const version = desk.operator?.version;
  const told = await guarded(() => api.post("/desk/status", { status, reason, version }));
  desk.takeOperator(told?.operator ?? told);
  changed();
}

/** @param {string} what a name of SHORTCUTS, or one of the page's buttons */
function act(what) {
  const { offer, talk } = desk.state ?? {};
  const inTalk = phone.call !== null;
  const ring = [...phone.rings.keys()][0];
  switch (what) {
    case "answer":
      if (!inTalk && (offer || ring !== undefined)) answer(offer?.token ?? ring);
      break;
    case "decline":
      if (offer) guarded(() => api.post("/desk/decline", { token: offer.token }));
      break;
    case "hang_up":
      if (phone.second) transfer.endConsult();
      else if (inTalk) phone.hangUp();
      break;
    case "mute": if (inTalk) phone.mute(); break;
    case "hold": phone.hold(); break;
    case "keypad": views.call.toggleKeypad(); break;
    case "transfer": if (talk?.state === "talking") transfer.open(); break;
    case "record":
      if (talk && talk.recording !== "off") {
        guarded(() => api.post("/desk/record", { ticket: talk.ticket, paused: talk.recording === "on" }));
      }
      break;
    case "ready": setStatus("ready"); break;
    case "pause": pause.open(); break;
    case "offline": setStatus("offline"); break;
    case "caller": views.caller.focus(); break;
    case "reading": views.forms.open("reading"); break;
    case "forms": views.forms.focus(); break;
    case "accounts": views.caller.search(); break;
    case "answers": views.answers.focus(); break;
    case "inbox": views.inbox.focus(); break;
    case "colleagues": views.colleagues.focus(); break;
    case "wrap_up": views.call.focusCode(); break;
    case "hand_over": transfer.handOver(); break;
    case "end_consult": transfer.endConsult(); break;
    case "check": check.open(); break;
    case "settings": settingsDialog.open(); break;
    case "help": help.open(); break;
  }
}

document.addEventListener("keydown", (event) => {
  sounds.wake();
  if (app.over) return;
  const what = shortcut(event, typing(event));
  const target = /** @type {HTMLElement} */ (event.target);
  if (what) {
    event.preventDefault();
    act(what);
  } else if (event.key === "Enter" && wanted() && !typing(event) && !target.closest("button, a, summary, dialog")) {
    event.preventDefault();
    act("answer");
  } else if (views.call.keypadOpen && phone.call && !typing(event) && phone.press(event.key)) views.call.pressed(event.key);
});
document.addEventListener("pointerdown", () => sounds.wake());

addEventListener("beforeunload", (event) => {
  if (phone.call && !app.over) event.preventDefault();
  views.forms.drafts.flush();
});
addEventListener("pagehide", () => app.exchange?.stop());
addEventListener("offline", () => live.hurry()); // the stream may not know yet that it is dead
addEventListener("online", () => {
  live.hurry();
  app.exchange?.look();
});

// A machine that slept finds its connections dead.
let lastBeat = Date.now();
setInterval(() => {
  if (Date.now() - lastBeat > 30_000) app.exchange?.look();
  lastBeat = Date.now();
}, 5000);

navigator.mediaDevices?.addEventListener("devicechange", async () => {
  if (await sounds.present("microphone")) return notices.drop("headset");
  notices.put("headset", "error", say("headset_gone"));
  if (desk.operator?.status === "ready") setStatus("paused", "technical");
});

live.listen();
