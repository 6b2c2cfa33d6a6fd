// The states of the telephone, with a line in memory. Run by node: `node --test tests/browser`.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Phone } from "../../agent_desk/static/phone.js";

/** A line in memory: what was done to it, and the events it can report. */
class MemoryLine {
  done = [];
  constructor(number, events) {
    Object.assign(this, { number, events });
  }
  press(key) {
    this.done.push(key);
  }
  async hangUp() {
    this.done.push("hung up");
  }
}

let lines, states, phone;

beforeEach(() => {
  lines = [];
  states = [];
  phone = new Phone(
    async (number, events) => lines[lines.push(new MemoryLine(number, events)) - 1],
    () => states.push(phone.state),
  );
});

async function inCall() {
  await phone.call("+380487059090");
  lines.at(-1).events.answered();
  return lines.at(-1);
}

test("a call goes from connecting over ringing to talking to ended", async () => {
  const line = await inCall();
  assert.equal(line.number, "+380487059090");
  line.events.ended();
  assert.deepEqual(states, ["connecting", "talking", "ended"]);
  await phone.call("1");
  lines[1].events.ringing();
  assert.equal(phone.state, "ringing");
  assert.ok(phone.busy);
});

test("keys are sent in a call only, and only keys of a telephone", async () => {
  assert.equal(phone.press("1"), false);
  await phone.call("1");
  assert.equal(phone.press("1"), false);
  lines[0].events.answered();
  for (const key of "12*#") assert.ok(phone.press(key));
  for (const key of ["a", "F1", "12", " ", ""]) assert.equal(phone.press(key), false);
  assert.deepEqual(lines[0].done, ["1", "2", "*", "#"]);
  assert.equal(phone.keys, "12*#");
});

test("a new call forgets the keys and the mishaps of the last one", async () => {
  const line = await inCall();
  phone.press("1");
  line.events.silent();
  line.events.failed("lost");
  assert.deepEqual([phone.state, phone.reason, phone.silent], ["failed", "lost", true]);
  await phone.call("1");
  assert.deepEqual([phone.keys, phone.reason, phone.silent], ["", "", false]);
});

test("hanging up ends the call once", async () => {
  const line = await inCall();
  await phone.hangUp();
  line.events.ended();
  line.events.failed("lost");
  await phone.hangUp();
  assert.deepEqual(line.done, ["hung up"]);
  assert.deepEqual(states.slice(-1), ["ended"]);
});

test("a call that is given up while it connects is hung up as soon as there is a line", async () => {
  const calling = phone.call("1");
  await phone.hangUp();
  await calling;
  assert.equal(phone.state, "ended");
  assert.deepEqual(lines[0].done, ["hung up"]);
});

test("what an older call reports changes nothing", async () => {
  const old = await inCall();
  await phone.hangUp();
  await inCall();
  old.events.ended();
  old.events.failed("lost");
  old.events.silent();
  assert.deepEqual([phone.state, phone.silent], ["talking", false]);
});

test("a second call is not begun in a call", async () => {
  await inCall();
  await phone.call("2");
  assert.equal(lines.length, 1);
});

test("an exchange that does not answer is a failed call", async () => {
  const broken = new Phone(async () => Promise.reject(new Error("no route")), () => {});
  await broken.call("1");
  assert.deepEqual([broken.state, broken.reason], ["failed", "unreachable"]);
  await broken.hangUp();
  assert.equal(broken.state, "failed");
});

test("a refused call stays refused", async () => {
  await phone.call("1");
  lines[0].events.failed("refused");
  lines[0].events.ended();
  assert.deepEqual([phone.state, phone.reason], ["failed", "refused"]);
});
