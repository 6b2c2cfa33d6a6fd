// The pure parts of the desk's page. Run by node: `node --test tests/browser`.
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Api, Refusal, Unreachable } from "../../agent_desk/static/desk/api.js";
import { Backoff } from "../../agent_desk/static/desk/backoff.js";
import { Desk, duty } from "../../agent_desk/static/desk/desk.js";
import { Drafts } from "../../agent_desk/static/desk/draft.js";
import { asked, filled, look, problems, required, warns } from "../../agent_desk/static/desk/form_fields.js";
import { clock, day, dayTime, entered, span, telephone, time, writeIn } from "../../agent_desk/static/desk/format.js";
import { Parser } from "../../agent_desk/static/desk/live.js";
import { failing, measure, summary, verdict, Watch } from "../../agent_desk/static/desk/quality.js";
import { shortcut, SHORTCUTS } from "../../agent_desk/static/desk/shortcuts.js";
import { words } from "../../agent_desk/static/desk/words.js";

// ------------------------------------------------------------------ live events

test("events are cut out of a stream wherever it breaks", () => {
  const parser = new Parser();
  const text = 'retry: 1000\n\nevent: state\ndata: {"a":\ndata: 1}\n\n:\n\nevent: taken\ndata: {}\n\n';
  const found = [...text].flatMap((letter) => parser.feed(letter));
  assert.deepEqual(found, [
    { name: "state", data: '{"a":\n1}' },
    { name: "taken", data: "{}" },
  ]);
});

test("line ends of any kind, and a heartbeat is no event", () => {
  const parser = new Parser();
  assert.deepEqual(parser.feed(":\r\n\r\nevent: bye\r\ndata: {}\r\n\r\n"), [{ name: "bye", data: "{}" }]);
});

test("pauses between attempts double, are scattered, and have a longest", () => {
  const steady = new Backoff(500, 4000, () => 0.5);
  assert.deepEqual([1, 2, 3, 4, 5].map(() => steady.wait()), [500, 1000, 2000, 4000, 4000]);
  steady.reset();
  assert.equal(steady.wait(), 500);
  assert.equal(new Backoff(1000, 1000, () => 0).wait(), 750);
  assert.equal(new Backoff(1000, 1000, () => 1).wait(), 1250);
});

// ------------------------------------------------------------------ questions to the server

function answering(status, body, sent = []) {
  const send = async (path, wish) => {
    sent.push([path, wish]);
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
  };
  return [new Api("token", "tab-1", send), sent];
}

test("each question names the tab and proves where it comes from", async () => {
  const [api, sent] = answering(200, { number: "100001" });
  assert.deepEqual(await api.post("/desk/ticket", { type: "other" }), { number: "100001" });
  const [path, { method, headers, body }] = sent[0];
  assert.deepEqual([path, method, body], ["/desk/ticket", "POST", '{"type":"other"}']);
  assert.deepEqual([headers["X-CSRFToken"], headers["X-Tab"]], ["token", "tab-1"]);
});

test("a refusal has the server's words, and is not a broken network", async () => {
  const [api] = answering(409, { error: "too_late", text: "It is too late" });
  await assert.rejects(api.post("/desk/answer"), (error) => {
    assert.ok(error instanceof Refusal);
    assert.deepEqual([error.status, error.code, error.message], [409, "too_late", "It is too late"]);
    return true;
  });
});

test("a broken network and a broken proxy are the same to the operator", async () => {
  const down = new Api("", "", async () => Promise.reject(new TypeError("failed to fetch")));
  await assert.rejects(down.get("/desk/inbox"), Unreachable);
  await assert.rejects(answering(502, "<h1>Bad gateway</h1>")[0].get("/desk/inbox"), Unreachable);
  await assert.rejects(answering(503, { error: "queue_down", text: "down" })[0].get("/"), Refusal);
});

test("an answer that is cut off on its way is none", async () => {
  const cut = new ReadableStream({ start: (sending) => sending.enqueue(new TextEncoder().encode('{"a":')), pull: (sending) => sending.error(new TypeError("reset")) });
  await assert.rejects(new Api("", "", async () => new Response(cut)).get("/desk/inbox"), Unreachable);
  await assert.rejects(answering(200, '{"a":')[0].get("/desk/inbox"), Unreachable);
  assert.deepEqual(await answering(200, "")[0].post("/desk/seen"), {});
});

// ------------------------------------------------------------------ the desk

const memory = () => {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
};

function state(more = {}) {
  const operator = { name: "olena", status: "ready", state: "idle", since: 1000, until: 0, version: 1, ...more.operator };
  return { time: 1010, down: false, offer: null, talk: null, queues: [], inbox: {}, colleagues: [], ...more, operator };
}

test("what the operator does follows from the state", () => {
  const desk = new Desk(memory());
  assert.equal(desk.mode, "loading");
  const modes = [
    [{}, "ready"],
    [{ operator: { status: "paused" } }, "paused"],
    [{ operator: { status: "offline" } }, "offline"],
    [{ operator: { state: "disconnected" } }, "disconnected"],
    [{ operator: { state: "talking" } }, "consult"],
    [{ offer: { token: "t" } }, "offer"],
    [{ talk: { token: "t", state: "talking" } }, "talk"],
    [{ talk: { token: "t", state: "broken" } }, "broken"],
    [{ talk: { token: "t", state: "wrap_up" } }, "wrap_up"],
  ];
  for (const [more, mode] of modes) {
    desk.take(state(more), 1010);
    assert.equal(desk.mode, mode);
  }
});

test("an older state changes nothing", () => {
  const desk = new Desk(memory());
  desk.take(state({ operator: { version: 5, status: "paused" } }), 1010);
  assert.equal(desk.take(state({ time: 1009, operator: { version: 4 } }), 1010), false);
  desk.takeOperator({ status: "ready", version: 4 });
  assert.equal(desk.mode, "paused");
  desk.takeOperator({ status: "ready", version: 6 });
  assert.equal(desk.mode, "ready");
});

test("times count by the server's clock", () => {
  const desk = new Desk(memory());
  desk.take(state({ operator: { until: 1040 } }), 500); // our clock is 510 s behind
  assert.equal(desk.since(505), 15);
  assert.equal(desk.left(505), 25);
  desk.take(state({ offer: { token: "t", caller: { entered: 980 } } }), 500);
  assert.equal(desk.waited(502), 32);
  desk.take(state({ talk: { token: "t", state: "talking", since: 1010, caller: { entered: 980, waited: 30 } } }), 500);
  assert.equal(desk.waited(590), 30);
  assert.equal(desk.since(590), 90);
});

test("a caller one was cut off from is known after a reload, another one is not", () => {
  const kept = memory();
  const before = new Desk(kept);
  before.take(state({ talk: { ticket: "c1", token: "t1", state: "talking" }, operator: { state: "talking" } }), 1010);
  const after = new Desk(kept);
  after.take(state({ offer: { ticket: "c1", token: "t2" }, operator: { state: "offered" } }), 1010);
  assert.equal(after.returning, true);
  after.take(state({ offer: { ticket: "c2", token: "t3" }, operator: { state: "offered" } }), 1010);
  assert.equal(after.returning, false);
  after.take(state({ offer: { ticket: "c2", token: "t3", back: true }, operator: { state: "offered" } }), 1010);
  assert.equal(after.returning, true);
  after.take(state({ talk: { ticket: "c1", token: "t1", state: "wrap_up" }, operator: { state: "wrap_up" } }), 1010);
  after.take(state({ offer: { ticket: "c1", token: "t4" }, operator: { state: "offered" } }), 1010);
  assert.equal(after.returning, false);
});

test("the telephone does what the state asks for", () => {
  const desk = new Desk(memory());
  const idle = { call: null, rings: new Map(), answering: "" };
  const human = { automatic: false };
  desk.take(state({ offer: { ticket: "c", token: "t" } }), 1010);
  assert.equal(duty(desk, idle, human), "");
  assert.equal(duty(desk, idle, { automatic: true }), "answer");
  assert.equal(duty(desk, { ...idle, answering: "t" }, { automatic: true }), "");
  assert.equal(duty(desk, { ...idle, call: { token: "t" } }, { automatic: true }), "");
  assert.equal(duty(desk, { ...idle, answering: "older" }, human), "forget");
  const colleague = { ...idle, answering: "c", rings: new Map([["c", {}]]) };
  assert.equal(duty(desk, colleague, human), "");
  assert.equal(duty(desk, { ...idle, answering: "c", call: { token: "c" } }, human), "");
  desk.take(state({ offer: { ticket: "c", token: "t", back: true } }), 1010);
  assert.equal(duty(desk, idle, human), "answer");
  desk.take(state({ talk: { token: "t", state: "talking" } }), 1010);
  assert.equal(duty(desk, { ...idle, answering: "t" }, human), "");
  desk.take(state({ talk: { token: "t", state: "wrap_up" } }), 1010);
  assert.equal(duty(desk, { ...idle, call: { token: "t" } }, human), "hang_up");
  assert.equal(duty(desk, { ...idle, call: { token: "other" } }, human), "");
  const rung = { ...idle, rings: new Map([["l", {}]]) };
  desk.take(state({ listening: { token: "l" } }), 1010);
  assert.equal(duty(desk, rung, human), "listen");
  assert.equal(duty(desk, idle, human), "");
  assert.equal(duty(desk, { ...rung, answering: "l" }, human), "");
  assert.equal(duty(desk, { ...rung, call: { token: "other" } }, human), "");
  desk.take(state({ listening: { token: "another" } }), 1010);
  assert.equal(duty(desk, rung, human), "");
});

// ------------------------------------------------------------------ quality of the line

const reports = (received, lost, more = {}) => [
  { type: "inbound-rtp", kind: "audio", packetsReceived: received, packetsLost: lost, jitter: 0.012 },
  { type: "remote-inbound-rtp", kind: "audio", fractionLost: 0, jitter: 0.02, roundTripTime: 0.12, ...more },
  { type: "media-source", kind: "audio", audioLevel: 0.25 },
];

test("figures are those of the span since the last look, of the worse direction", () => {
  const first = measure(reports(100, 0), null);
  assert.deepEqual(first.sample, { loss: 0, jitter: 20, round_trip: 120, level: 0.25 });
  const second = measure(reports(190, 10), first.counts);
  assert.equal(second.sample.loss, 10);
  assert.equal(measure(reports(290, 10, { fractionLost: 0.07 }), second.counts).sample.loss, 7);
});

test("silence on the wire is a loss, but not on a held line", () => {
  const { counts } = measure(reports(100, 0), null);
  assert.equal(measure(reports(100, 0), counts).sample.loss, 100);
  assert.equal(measure(reports(100, 0), counts, true).sample.loss, 0);
});

test("without any report there are no figures to be afraid of", () => {
  assert.deepEqual(measure([], null).sample, { loss: 0, jitter: 0, round_trip: 0, level: 0 });
  const pair = { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.05 };
  assert.equal(measure([pair], null).sample.round_trip, 50);
});

test("the limits are two per cent, 30 ms and 300 ms", () => {
  const fine = { loss: 2, jitter: 30, round_trip: 300, level: 0 };
  assert.deepEqual(failing(fine), []);
  assert.deepEqual(failing({ loss: 2.1, jitter: 31, round_trip: 301, level: 0 }), ["loss", "jitter", "round_trip"]);
  assert.equal(verdict(fine), "good");
  assert.equal(verdict({ ...fine, jitter: 40 }), "fair");
  assert.equal(verdict({ ...fine, loss: 6 }), "poor");
});

test("ten seconds of hopeless loss are noted, shorter ones are not", () => {
  const watch = new Watch();
  let [received, lost] = [0, 0];
  const span = (second, good, bad) => watch.add(reports((received += good), (lost += bad)), 1000 * second, false);
  span(0, 100, 0);
  for (const second of [2, 4, 6]) span(second, 80, 20);
  span(8, 100, 0);
  for (const second of [10, 12, 14, 16, 18]) span(second, 80, 20);
  assert.equal(watch.hopeless, false);
  span(20, 80, 20);
  assert.equal(watch.hopeless, true);
  assert.equal(watch.report().level, 0.25);
  assert.equal(watch.report(), null);
});

test("a summary is the mean, and the loudest moment", () => {
  const samples = [
    { loss: 0, jitter: 10, round_trip: 100, level: 0.1 },
    { loss: 1, jitter: 20, round_trip: 200, level: 0.5 },
  ];
  assert.deepEqual(summary(samples), { loss: 0.5, jitter: 15, round_trip: 150, level: 0.5 });
  assert.equal(summary([]).loss, 0);
});

// ------------------------------------------------------------------ forms, drafts

const outage = [
  { name: "danger", kind: "choice", wanted: false, choices: ["yes", "no"] },
  { name: "scope", kind: "choice", wanted: true, choices: ["house"] },
  { name: "phone", kind: "phone", wanted: false },
  { name: "notify", kind: "flag", wanted: false },
  { name: "address", kind: "text", wanted: false },
  { name: "comment", kind: "text", wanted: false },
];

test("a place is wanted: the account, else an address", () => {
  assert.deepEqual(problems("outage", outage, {}, false), { scope: "missing", address: "missing" });
  assert.deepEqual(problems("outage", outage, { scope: "house" }, true), {});
  assert.equal(asked("outage", "address", {}, true), false);
});

test("only what is asked and given is sent", () => {
  const values = { scope: "house", notify: "on", address: "Садова 1", comment: "  ", phone: " +380671110001 " };
  assert.deepEqual(filled("outage", outage, values, true), { scope: "house", notify: true, phone: "+380671110001" });
});

test("numbers and addresses that cannot be are told", () => {
  const found = problems("outage", outage, { scope: "house", phone: "call me" }, true);
  assert.deepEqual(found, { phone: "phone" });
  const email = { name: "email", kind: "email", wanted: false };
  assert.deepEqual(problems("other", [email], { email: "a@b" }, true), { email: "email" });
  assert.equal(required("complaint", email, { answer_by: "email" }, true), true);
  assert.equal(asked("complaint", "email", { answer_by: "phone" }, true), false);
});

test("danger is warned of at once, long texts get room", () => {
  assert.equal(warns("outage", "danger", { danger: "yes" }), true);
  assert.equal(warns("outage", "danger", { danger: "no" }), false);
  assert.equal(warns("meter_fault", "supply", { supply: "no" }), true);
  assert.deepEqual(outage.map(look), ["select", "select", "tel", "check", "text", "area"]);
});

test("a draft is saved once one stops typing, and again when saving failed", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const [saved, told] = [[], []];
  let broken = true;
  const drafts = new Drafts(
    async (draft) => {
      if (broken) throw new Unreachable();
      saved.push(draft.values);
    },
    (state) => told.push(state),
  );
  drafts.typed("c1", "reading", { a: "1" });
  mock.timers.tick(500);
  drafts.typed("c1", "reading", { a: "12" });
  mock.timers.tick(799);
  assert.deepEqual(told, ["saving", "saving"]);
  mock.timers.tick(1);
  await new Promise(setImmediate);
  assert.deepEqual([told.at(-1), drafts.unsaved], ["unsaved", true]);
  broken = false;
  mock.timers.tick(4000);
  await new Promise(setImmediate);
  assert.deepEqual(saved, [{ a: "12" }]);
  assert.deepEqual([told.at(-1), drafts.unsaved], ["saved", false]);
  mock.timers.reset();
});

test("a draft that is refused is not sent again by itself", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const told = [];
  let tries = 0;
  const refuse = async () => {
    tries += 1;
    throw new Refusal(tries === 1 ? 503 : 409, "not_yours", "");
  };
  const drafts = new Drafts(refuse, (state) => told.push(state));
  drafts.typed("c1", "reading", { a: "1" });
  for (const wait of [800, 4000, 4000, 60_000]) {
    mock.timers.tick(wait);
    await new Promise(setImmediate);
  }
  assert.deepEqual([tries, told.at(-1), drafts.unsaved], [2, "unsaved", false]);
  mock.timers.reset();
});

test("a form that was sent needs no draft", async () => {
  const saved = [];
  const drafts = new Drafts(async (draft) => saved.push(draft), () => {});
  drafts.typed("c1", "outage", {});
  drafts.drop("outage");
  await drafts.flush();
  assert.deepEqual(saved, []);
});

// ------------------------------------------------------------------ keys, words, figures

const key = (code, more = {}) => ({ code, key: "", altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, ...more });

test("keys work in any alphabet, and never while they would be text", () => {
  assert.equal(shortcut(key("F2"), true), "answer");
  assert.equal(shortcut(key("KeyG", { key: "п", altKey: true }), true), "ready");
  assert.equal(shortcut(key("KeyG", { key: "g" }), false), "");
  assert.equal(shortcut(key("Slash", { key: "?", shiftKey: true }), false), "help");
  assert.equal(shortcut(key("Slash", { key: "?", shiftKey: true }), true), "");
  assert.equal(shortcut(key("F4", { altKey: true }), false), "");
  assert.equal(shortcut(key("F2", { repeat: true }), false), "");
  assert.equal(shortcut(key("KeyR", { ctrlKey: true, altKey: true }), false), "");
});

test("no key does two things", () => {
  const all = SHORTCUTS.map(({ keys }) => keys.join("+"));
  assert.equal(new Set(all).size, all.length);
});

test("words are filled in; a name without words is made readable", () => {
  const say = words({ left: "{span} left", queue_general: "General" }, "en");
  assert.equal(say("left", { span: "0:30" }), "0:30 left");
  assert.equal(say("missing"), "missing");
  assert.equal(say.of("queue", "general"), "General");
  assert.equal(say.of("queue", "night_shift"), "night shift");
  assert.equal(say.known("step", "to_general"), "");
});

test("spans, days and telephone numbers", () => {
  assert.deepEqual([0, 7.9, 61, 3723, -5].map(span), ["0:00", "0:07", "1:01", "1:02:03", "0:00"]);
  assert.equal(telephone("+380671110001"), "+380 67 111 00 01");
  assert.equal(telephone("+78430000100"), "+7 843 000 01 00");
  assert.equal(telephone("101"), "101");
  assert.equal(telephone(null), "");
  assert.equal(day("2026-10-01", "uk"), "01.10.2026");
  assert.equal(day("2026-10-01", "en"), "01/10/2026");
  assert.equal(day("soon", "en"), "");
  const now = new Date(2026, 9, 31, 10, 0);
  assert.equal(dayTime(new Date(2026, 9, 31, 9, 5).getTime() / 1000, "uk", now), "09:05");
  assert.equal(dayTime(new Date(2026, 9, 30, 9, 5).getTime() / 1000, "uk", now), "30.10.2026 09:05");
});

test("times are those of the company's clocks", () => {
  const at = (/** @type {string} */ text) => Date.parse(text) / 1000;
  try {
    writeIn("Asia/Ho_Chi_Minh");
    assert.equal(time(at("2026-10-31T18:30Z"), "uk"), "01:30");
    assert.equal(day(at("2026-10-31T18:30Z"), "uk"), "01.11.2026");
    assert.equal(day("2026-10-31", "uk"), "31.10.2026");
    assert.equal(dayTime(at("2026-10-31T18:30Z"), "uk", new Date("2026-10-31T16:30Z")), "01.11.2026 01:30");
    assert.match(clock(at("2026-10-31T18:30Z"), "uk"), new Date(0).getTimezoneOffset() === -420 ? /^01:30$/ : /^01:30 Asia/);
    writeIn("Europe/Kyiv");
    const moments = {
      "2026-07-01T00:00": "2026-06-30T21:00Z",
      "2026-10-25T02:59": "2026-10-24T23:59Z",
      "2026-10-25T03:30": "2026-10-25T00:30Z", // of two, the first
      "2026-10-25T04:00": "2026-10-25T02:00Z",
      "2027-03-28T02:59": "2027-03-28T00:59Z",
      "2027-03-28T03:30": "2027-03-28T01:30Z", // of none, as much later: 04:30
      "2027-03-28T04:00": "2027-03-28T01:00Z",
    };
    for (const [local, moment] of Object.entries(moments)) assert.equal(entered(local), at(moment), local);
    assert.equal(entered(""), null);
  } finally {
    writeIn(Intl.DateTimeFormat().resolvedOptions().timeZone);
  }
});
