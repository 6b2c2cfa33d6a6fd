// The operator's telephone, with an exchange in memory. Run by node: `node --test tests/browser`.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Phone } from "../../agent_desk/static/desk/phone.js";

/** A line in memory: what was done to it, and the events it can report. */
class MemoryLine {
  done = [];
  constructor(events) {
    this.events = events;
  }
  async hangUp() {
    this.done.push("hung up");
  }
  mute(muted) {
    this.done.push(muted ? "mute" : "unmute");
  }
  async hold(held) {
    if (this.stubborn) throw new Error("refused");
    this.done.push(held ? "hold" : "resume");
  }
  press(key) {
    this.done.push(key);
  }
  async join(other) {
    this.done.push(["join", other]);
  }
}

let phone, asked, answer, lines, exchange;

beforeEach(() => {
  asked = [];
  lines = [];
  answer = async () => "";
  phone = new Phone(
    (token) => {
      asked.push(token);
      return answer();
    },
    () => {},
  );
  exchange = {
    calls: [],
    async call(address, token, events) {
      this.calls.push([address, token]);
      return lines[lines.push(new MemoryLine(events)) - 1];
    },
  };
  phone.connect(exchange);
});

function ring(token) {
  const found = {
    token,
    from: "press2",
    accepted: 0,
    async accept(events) {
      found.accepted += 1;
      return lines[lines.push(new MemoryLine(events)) - 1];
    },
    reject() {},
  };
  phone.rung(found);
  return found;
}

async function inTalk(token = "t1") {
  ring(token);
  await phone.answer(token);
  lines[0].events.talking();
  return lines[0];
}

test("the server is asked before the ring is accepted", async () => {
  const found = ring("t1");
  await phone.answer("t1");
  assert.deepEqual(asked, ["t1"]);
  assert.equal(found.accepted, 1);
  assert.equal(phone.call.token, "t1");
  lines[0].events.talking();
  assert.equal(phone.call.state, "talking");
  assert.equal(phone.answering, "");
});

test("an offer the server refuses is not answered, and the reason comes back", async () => {
  answer = async () => "too late";
  const found = ring("t1");
  assert.equal(await phone.answer("t1"), "too late");
  assert.equal(found.accepted, 0);
  assert.equal(phone.call, null);
});

test("a server that cannot be reached does not keep the caller waiting", async () => {
  answer = async () => Promise.reject(new Error("no network"));
  const found = ring("t1");
  assert.equal(await phone.answer("t1"), "");
  assert.equal(found.accepted, 1);
});

test("an offer answered before it rings is accepted as soon as it rings", async () => {
  await phone.answer("t1");
  assert.equal(phone.call, null);
  const other = ring("t2");
  const found = ring("t1");
  assert.equal(found.accepted, 1);
  assert.equal(other.accepted, 0);
});

test("an offer that was taken back while the server was asked is not accepted", async () => {
  let tell;
  answer = () => new Promise((resolve) => (tell = resolve));
  const answering = phone.answer("t1");
  phone.forget("t1");
  tell("");
  await answering;
  assert.equal(ring("t1").accepted, 0);
});

test("answering twice asks once", async () => {
  ring("t1");
  await Promise.all([phone.answer("t1"), phone.answer("t1")]);
  await phone.answer("t1");
  assert.deepEqual(asked, ["t1"]);
});

test("a ring that its caller gave up is gone, a newer one of the same token is not", async () => {
  const old = ring("t1");
  const fresh = ring("t1");
  phone.quiet(old);
  assert.equal(phone.rings.get("t1"), fresh);
  phone.quiet(fresh);
  assert.equal(phone.rings.size, 0);
});

test("mute, hold and keys", async () => {
  const line = await inTalk();
  phone.mute();
  assert.equal(phone.muted, true);
  await phone.hold();
  assert.equal(phone.call.held, true);
  await phone.hold();
  phone.mute();
  assert.ok(phone.press("5"));
  assert.equal(phone.press("x"), false);
  assert.deepEqual(line.done, ["mute", "hold", "mute", "resume", "mute", "unmute", "5"]);
});

test("a hold that the exchange refuses leaves things as they were", async () => {
  const line = await inTalk();
  line.stubborn = true;
  await phone.hold();
  assert.equal(phone.call.held, false);
});

test("a colleague is asked while the caller is held, and the caller comes back", async () => {
  const caller = await inTalk();
  await phone.consult("c1", "op-iryna");
  assert.deepEqual(exchange.calls, [["op-iryna", "c1"]]);
  assert.equal(phone.call.held, true);
  lines[1].events.talking();
  assert.equal(phone.active, phone.second);
  await phone.hold(); // not while a colleague is asked
  assert.deepEqual(caller.done, ["hold", "mute"]);
  await phone.hangUpSecond();
  assert.equal(phone.second, null);
  assert.equal(phone.call.held, false);
  assert.deepEqual(lines[1].done, ["hung up"]);
});

test("one speaks with the two in turn", async () => {
  await inTalk();
  await phone.consult("c1", "op-iryna");
  lines[1].events.talking();
  await phone.alternate();
  assert.deepEqual([phone.call.held, phone.second.held], [false, true]);
  assert.equal(phone.active, phone.call);
  await phone.alternate();
  assert.deepEqual([phone.call.held, phone.second.held], [true, false]);
});

test("a caller is handed over by joining the two lines", async () => {
  const caller = await inTalk();
  await phone.consult("c1", "op-iryna");
  lines[1].events.talking();
  await phone.handOver();
  assert.deepEqual(caller.done.at(-1), ["join", lines[1]]);
  lines[0].events.ended();
  lines[1].events.ended();
  assert.deepEqual([phone.call, phone.second], [null, null]);
});

test("a colleague who refuses gives the caller back", async () => {
  await inTalk();
  await phone.consult("c1", "op-iryna");
  lines[1].events.failed("refused");
  assert.equal(phone.second, null);
  assert.equal(phone.broke, "refused");
  assert.equal(phone.call.held, false);
});

test("hanging up ends both lines once", async () => {
  const caller = await inTalk();
  await phone.consult("c1", "op-iryna");
  await phone.hangUp();
  caller.events.ended();
  assert.equal(phone.call, null);
  assert.equal(caller.done.filter((what) => what === "hung up").length, 1);
  assert.deepEqual(lines[1].done, ["hung up"]);
});

test("sound that breaks off ends the call with its reason; a late report changes nothing", async () => {
  const line = await inTalk();
  line.events.failed("lost");
  assert.deepEqual([phone.call, phone.broke], [null, "lost"]);
  ring("t2");
  await phone.answer("t2");
  line.events.failed("lost");
  line.events.deaf();
  assert.deepEqual([phone.call.token, phone.broke, phone.deaf], ["t2", "", false]);
});

test("a microphone that is gone is known", async () => {
  const line = await inTalk();
  line.events.deaf();
  assert.equal(phone.deaf, true);
});

test("a registration that is lost takes the rings with it, not the talk", async () => {
  await inTalk();
  ring("t2");
  phone.become("lost");
  assert.equal(phone.rings.size, 0);
  assert.equal(phone.call.token, "t1");
});
