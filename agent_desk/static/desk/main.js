// @ts-check
/** The operator's desk: puts its parts together. */
import { ABILITIES } from "./abilities.js";
import { acts } from "./acts.js";
import { Alerts } from "./alerts.js";
import { Api, Refusal, Unreachable } from "./api.js";
import { Desk, duty } from "./desk.js";
import { typing } from "./dom.js";
import { writeIn } from "./format.js";
import { Live } from "./live.js";
import { Phone } from "./phone.js";
import { Settings } from "./settings.js";
import { shortcut } from "./shortcuts.js";
import { Sounds } from "./sounds.js";
import { Talk } from "./talk.js";
import { Told } from "./told.js";
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
import { Recordings } from "./views/recordings.js";
import { Scorecards } from "./views/scorecards.js";
import { SettingsDialog } from "./views/settings.js";
import { Top } from "./views/top.js";
import { Raise } from "./views/raise.js";
import { Staff } from "./views/staff.js";
import { Transfer } from "./views/transfer.js";

/** @typedef {typeof app} App what every view may use */
/** @typedef {typeof rooms} Rooms all views */

/** Milliseconds after which a talk that the server knows to be over is hung up here too. */
const HANG_UP_AFTER = 1500;

const given = JSON.parse(/** @type {HTMLElement} */ (document.querySelector("#given")).textContent ?? "{}");
const say = words(given.words, document.documentElement.lang);
/** Later tabs have greater ids: the newest one has the say. */
const tab = `${String(Date.now()).padStart(13, "0")}-${crypto.randomUUID().slice(0, 8)}`;
const api = new Api(given.csrf, tab);
writeIn(given.company.zone);
const desk = new Desk(sessionStorage);
const sounds = new Sounds(localStorage);
const settings = new Settings(localStorage);
const notices = new Notices(say);
const phone = new Phone(mayAnswer, changed);
const now = () => Date.now() / 1000;
/** The way to the exchange: SIP, or Twilio's SDK where there is no Asterisk. */
const way = () => (given.phone.kind === "twilio" ? import("./twilio_phone.js") : import("./exchange.js"));
way().catch(() => {}); // at once; who needs it asks again
/** Who tells the matchmaker of the telephone: the page, where no exchange does. */
const told = given.phone.kind === "twilio" ? new Told((body) => api.post("/desk/phone/registered", body)) : null;

const app = {
  given, say, api, desk, sounds, settings, notices, phone, now,
  can: ABILITIES[given.phone.kind],
  /** The account the operator works with: a card, or null. @type {any} */
  account: null,
  talk: /** @type {Talk} */ (/** @type {unknown} */ (null)),
  /** Why the page has stopped: "taken", "signed_out", "" while it works. */
  over: "",
  /** @type {import("./exchange.js").Exchange | import("./twilio_phone.js").Exchange | null} */
  exchange: null,
  act: (/** @type {string} */ what) => act(what),
  answer, changed, setStatus, guarded, stop,
};
app.talk = new Talk(app);

const views = {
  top: new Top(app), call: new CallPanel(app), caller: new CallerPanel(app), forms: new Forms(app),
  answers: new Answers(app), inbox: new Inbox(app), colleagues: new Colleagues(app), transfer: new Transfer(app), raise: new Raise(app),
  staff: new Staff(app),
};
const rooms = {
  ...views, check: new Check(app), pause: new Pause(app), help: new Help(app),
  recordings: new Recordings(app), scorecards: new Scorecards(app), settings: new SettingsDialog(app),
};
const alerts = new Alerts(app, rooms);
const act = acts(app, rooms);

// ---------------------------------------------------------------------------- live events

const live = new Live(`/desk/events?tab=${encodeURIComponent(tab)}`, {
  up: () => {
    notices.drop("live");
    app.exchange?.look();
    told?.again();
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
  // A colleague calls, or his talk is listened to: no offer to be late for.
  if (token === desk.state?.listening?.token || phone.rings.get(token)?.from.startsWith("op-")) return "";
  try {
    await api.post("/desk/answer", { token });
    return "";
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

async function connectPhone() {
  phone.become("connecting");
  const account = () => api.post("/desk/phone", {});
  try {
    const { Exchange } = await way();
    const exchange = new Exchange(await account(), sounds, {
      rung: (ring) => phone.rung(ring),
      quiet: (ring) => phone.quiet(ring),
      registration: (registration) => {
        phone.become(registration);
        told?.tell(registration);
      },
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

/** Does with the telephone what the state asks for. */
function obey() {
  const what = duty(desk, phone, settings);
  if (what === "answer") {
    if (!desk.returning) sounds.beep();
    answer(desk.state?.offer.token);
  } else if (what === "listen") answer(desk.state?.listening.token);
  else if (what === "forget") phone.forget(phone.answering);
  else if (what === "hang_up") setTimeout(() => duty(desk, phone, settings) === "hang_up" && phone.hangUp(), HANG_UP_AFTER);
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

function show() {
  if (app.over || !desk.state) return;
  const first = document.body.dataset.mode === "loading";
  obey();
  chooseAccount();
  document.body.dataset.mode = desk.mode;
  for (const view of Object.values(views)) view.show();
  app.talk.show();
  alerts.show();
  rooms.check.show();
  if (first) rooms.check.openIfWanted();
}

let lastTicket = "";

/** The account is chosen for the operator where it is clear; another contact begins anew. */
function chooseAccount() {
  const ticket = desk.contact?.ticket ?? "";
  /** @type {any[]} */
  const accounts = desk.caller?.accounts ?? [];
  if (lastTicket !== ticket) {
    lastTicket = ticket;
    const keyed = desk.caller?.keyed?.find((/** @type {any} */ { what }) => what === "account")?.value;
    app.account = accounts.find(({ account }) => account === keyed) ?? (accounts.length === 1 ? accounts[0] : null);
  } else if (app.account) {
    // Its card may have been renewed: a reading was stored, a ticket opened.
    app.account = accounts.find(({ account }) => account === app.account.account) ?? app.account;
  }
}

setInterval(() => {
  if (app.over || !desk.state) return;
  for (const view of [views.top, views.call, views.caller, views.inbox, views.staff, alerts]) view.tick();
  // The telephone could not be rung: that it can be is proved by a new registration.
  if (["disconnected", "broken"].includes(desk.mode) && !phone.call) app.exchange?.renew();
}, 500);

// ---------------------------------------------------------------------------- what is done

/**
 * Does something with the server; what it refuses is told.
 * @template T
 * @param {() => Promise<T>} ask
 * @returns {Promise<T | undefined>}
 */
async function guarded(ask) {
  try {
    return await ask();
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
  if (status === "ready" && !desk.operator?.tested) return rooms.check.open();
  const version = desk.operator?.version;
  desk.takeOperator(await guarded(() => api.post("/desk/status", { status, reason, version })));
  changed();
}

document.addEventListener("keydown", (event) => {
  sounds.wake();
  if (app.over) return;
  const what = shortcut(event, typing(event));
  const target = /** @type {HTMLElement} */ (event.target);
  if (what) {
    event.preventDefault();
    act(what);
  } else if (event.key === "Enter" && alerts.wanted && !typing(event) && !target.closest("button, a, summary, dialog")) {
    event.preventDefault();
    act("answer");
  } else if (views.call.keypadOpen && phone.call && !typing(event) && phone.press(event.key)) views.call.pressed(event.key);
});
document.addEventListener("pointerdown", () => sounds.wake());

// ---------------------------------------------------------------------------- what happens around

addEventListener("beforeunload", (event) => {
  if (phone.call && !app.over) event.preventDefault();
  views.forms.drafts.flush();
});
addEventListener("pagehide", () => {
  if (told && !app.over) api.last("/desk/phone/registered", { registered: false, leaving: true });
  app.exchange?.stop();
});
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
