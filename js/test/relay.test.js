import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Relay } from "../src/share/relay.js";

/** Tabs named a, b and c, what each has heard, and what the server has. */
function stage() {
  const server = [];
  const relay = new Relay((text) => server.push(text));
  const heard = { a: [], b: [], c: [] };
  for (const [id, messages] of Object.entries(heard)) {
    relay.add(id, (text) => messages.push(JSON.parse(text)));
  }
  return {
    relay,
    server,
    heard,
    say: (id, message) => relay.say(id, JSON.stringify(message)),
    /** The server's answer to its last message, or another. */
    answer(data, { call = JSON.parse(server.at(-1)), state = "success", remote } = {}) {
      const { verb, args, callbackname } = call;
      const channel_data = remote && { local_channel: args.channel, remote_channels: remote, action: verb };
      relay.hear(JSON.stringify({ data, context: { client_callback_name: callbackname, verb, state }, channel_data }));
    },
    verbs: () => server.map((text) => JSON.parse(text).verb),
  };
}

const subscribe = { route: "news", verb: "subscribe", args: { by: "date", channel: "front" }, callbackname: "promise_1" };
const unsubscribe = { ...subscribe, verb: "unsubscribe", callbackname: "promise_2" };
const published = (channel) => ({ channel, data: 1, action: "created" });

describe("calls", () => {
  test("of one name in several tabs are each answered to their tab", () => {
    const { server, heard, say, answer } = stage();
    for (const id of ["a", "b"]) {
      say(id, { route: "demo", verb: "echo", args: { id }, callbackname: "promise_1" });
    }
    const [first, second] = server.map((text) => JSON.parse(text));
    assert.notEqual(first.callbackname, second.callbackname);
    assert.deepEqual(Object.keys(first), ["route", "verb", "args", "callbackname"]);
    answer("for b", { call: second });
    answer("for a", { call: first });
    answer("for a again", { call: first });
    const context = { client_callback_name: "promise_1", verb: "echo", state: "success" };
    assert.deepEqual(heard.a, [{ data: "for a", context }, { data: "for a again", context }]);
    assert.deepEqual(heard.b, [{ data: "for b", context }]);
    assert.deepEqual(heard.c, []);
  });

  test("keep any name and none, and never have an apostrophe", () => {
    const { server, heard, say, answer } = stage();
    for (const callbackname of ["it's a name", "", " ", "a 1 b\nc", undefined]) {
      say("a", { route: "demo", verb: "echo", callbackname });
      assert.ok(!server.at(-1).includes("'"));
      answer(null);
      assert.equal(heard.a.at(-1).context.client_callback_name, callbackname ?? null);
    }
  });

  test("of a tab that is gone are answered to nobody", () => {
    const { relay, heard, say, answer } = stage();
    say("a", { route: "demo", verb: "echo", callbackname: "promise_1" });
    relay.remove("a");
    answer("late");
    assert.deepEqual(heard, { a: [], b: [], c: [] });
  });
});

describe("heartbeats", () => {
  const key = (session) => ({ heartbeat: "tick", session });

  test("are heard by each tab and answered once for each session", () => {
    const { relay, server, heard, say } = stage();
    for (let round = 1; round <= 2; round += 1) {
      relay.hear('{"heartbeat":"tick"}');
      say("a", key("k1"));
      say("b", key("k2"));
      say("c", key("k1"));
      assert.deepEqual(server.splice(0), ['{"heartbeat":"tick","session":"k1"}', '{"heartbeat":"tick","session":"k2"}']);
      assert.deepEqual([heard.a.length, heard.b.length, heard.c.length], [round, round, round]);
    }
  });

  test("without a session, as SwampDragon 0.4 has them, are echoed once", () => {
    const { relay, server, say } = stage();
    relay.hear({ heartbeat: "1" });
    for (const id of ["a", "b", "c"]) {
      say(id, { heartbeat: "1" });
    }
    assert.deepEqual(server, ['{"heartbeat":"1"}']);
  });

  test("of a bound session are answered once, by whichever tab, without a key", () => {
    const { relay, server, heard, say } = stage();
    for (let round = 1; round <= 2; round += 1) {
      relay.hear({ heartbeat: "tick", ack: true, bound: true });
      for (const id of ["b", "a", "c"]) {
        say(id, { heartbeat: "tick", ack: true });
      }
      assert.deepEqual(server.splice(0), ['{"heartbeat":"tick","ack":true}']);
      assert.deepEqual([heard.a.length, heard.b.length, heard.c.at(-1).bound], [round, round, true]);
    }
  });

  test("tell of a bound session all tabs, and one of them to touch its cookie", () => {
    const { relay, heard, say } = stage();
    say("b", key("k1"));
    relay.hear({ session: null, state: "active", ttl: 3000, touch_ms: 500 });
    const notice = { session: null, state: "active", ttl: 3000 };
    assert.deepEqual(heard, { a: [{ ...notice, touch_ms: 500 }], b: [notice], c: [notice] });
    relay.hear({ session: null, state: "expired" });
    assert.deepEqual([heard.a.length, heard.b.length, heard.c.length], [2, 2, 2]);
  });

  test("tell of a session only the tabs that have it, or may have it", () => {
    const { relay, heard, say } = stage();
    say("a", key("k1"));
    say("b", key("k2"));
    relay.hear({ session: "k1", state: "active", ttl: 3000 });
    assert.deepEqual([heard.a.length, heard.b.length, heard.c.length], [1, 0, 1]);
    say("c", { logout: true, session: "k2" });
    relay.hear({ session: "k2", state: "expired", reason: "logged out" });
    assert.deepEqual([heard.a.length, heard.b.length, heard.c.length], [1, 1, 2]);
  });
});

describe("an end of the connection's session", () => {
  const concerned = ({ relay }) => ["a", "b", "c"].filter((id) => relay.isSessionOf(id));

  test("concerns the tabs that named it where all named the same, and nobody where it can be either", () => {
    const one = stage();
    one.say("a", { heartbeat: "tick", session: "k1" });
    one.say("b", { heartbeat: "tick", session: "k1" });
    assert.deepEqual(concerned(one), ["a", "b"]);
    one.say("b", { heartbeat: "tick", session: "k2" });
    assert.deepEqual(concerned(one), []);
  });

  test("concerns all where it is bound, or must be since none has named one", () => {
    assert.deepEqual(concerned(stage()), ["a", "b", "c"]);
    for (const sign of [{ heartbeat: "tick", bound: true }, { session: null, state: "active" }]) {
      const bound = stage();
      bound.relay.hear(sign);
      bound.say("a", { logout: true, session: "k1" });
      bound.say("b", { logout: true, session: "k2" });
      assert.deepEqual(concerned(bound), ["a", "b", "c"]);
    }
  });
});

describe("subscriptions", () => {
  test("are asked of the server for each tab, and bring publications to the tabs that have them", () => {
    const { relay, heard, verbs, say, answer } = stage();
    for (const id of ["a", "b"]) {
      say(id, subscribe);
      answer("subscribed", { remote: ["news|date"] });
      assert.deepEqual(heard[id].at(-1).channel_data.remote_channels, ["news|date"]);
    }
    assert.deepEqual(verbs(), ["subscribe", "subscribe"]);
    relay.hear(JSON.stringify(published("news|date")));
    relay.hear(JSON.stringify(published("other")));
    assert.deepEqual([heard.a.length, heard.b.length, heard.c.length], [2, 2, 0]);
    assert.deepEqual(heard.a[1], published("news|date"));
  });

  test("last until the last tab has unsubscribed", () => {
    const { relay, heard, verbs, say, answer } = stage();
    for (const id of ["a", "b"]) {
      say(id, subscribe);
      answer("subscribed", { remote: ["news|date"] });
    }
    say("a", unsubscribe);
    assert.deepEqual(verbs(), ["subscribe", "subscribe"]);
    assert.deepEqual(heard.a[1], {
      data: "unsubscribed",
      context: { client_callback_name: "promise_2", verb: "unsubscribe", state: "success" },
      channel_data: { local_channel: "front", remote_channels: ["news|date"], action: "unsubscribe" },
    });
    relay.hear(published("news|date"));
    assert.deepEqual([heard.a.length, heard.b.length], [2, 2]);
    say("b", unsubscribe);
    answer("unsubscribed", { remote: ["news|date"] });
    assert.deepEqual(verbs(), ["subscribe", "subscribe", "unsubscribe"]);
    assert.equal(heard.b.at(-1).data, "unsubscribed");
  });

  test("end with their tab, unless another has them", () => {
    const { relay, heard, verbs, say, answer } = stage();
    const other = { ...subscribe, args: { channel: "own" } };
    for (const [id, message, remote] of [["a", subscribe, "r1"], ["b", subscribe, "r1"], ["a", other, "r2"]]) {
      say(id, message);
      answer("subscribed", { remote: [remote] });
    }
    relay.remove("a");
    assert.deepEqual(verbs().slice(3), ["unsubscribe"]);
    answer("unsubscribed", { remote: ["r2"] });
    relay.hear(published("r2"));
    relay.hear(published("r1"));
    assert.deepEqual([heard.b.length, heard.c.length], [2, 0]);
    relay.remove("b");
    assert.deepEqual(verbs().slice(4), ["unsubscribe"]);
  });

  test("by other arguments are restored when a channel that they share is given up", () => {
    const { heard, server, say, answer } = stage();
    say("a", subscribe);
    answer("subscribed", { remote: ["r1", "r2"] });
    say("b", { ...subscribe, args: { by: "name", channel: "b's" } });
    answer("subscribed", { remote: ["r2"] });
    say("a", unsubscribe);
    const [left, restored] = server.slice(2).map((text) => JSON.parse(text));
    assert.deepEqual([left.verb, restored.verb, restored.args], ["unsubscribe", "subscribe", { by: "name", channel: "b's" }]);
    answer("unsubscribed", { call: left, remote: ["r1", "r2"] });
    answer("subscribed", { call: restored, remote: ["r2"] });
    assert.deepEqual([heard.a.length, heard.b.length], [2, 1]);
  });

  test("that were refused, or given up before the answer, bring nothing", () => {
    const { relay, server, heard, say, answer } = stage();
    say("a", subscribe);
    answer(null, { state: "login_required" });
    say("b", subscribe);
    const call = JSON.parse(server.at(-1));
    say("b", unsubscribe);
    answer("subscribed", { call, remote: ["r1"] });
    assert.equal(heard.b[0].channel_data, undefined);
    relay.hear(published("r1"));
    assert.deepEqual([heard.a.length, heard.b.length], [1, 1]);
  });
});

test("messages of the application's own go out as they are, and come to all", () => {
  const { relay, server, heard } = stage();
  for (const text of ["no JSON", "null", "[1]", '{"price": 12345678901234567890}']) {
    relay.say("a", text);
    assert.equal(server.at(-1), text);
  }
  for (const message of [null, 0, "text", [1], { any: "thing" }]) {
    relay.hear(JSON.stringify(message));
    assert.deepEqual([heard.a.at(-1), heard.c.at(-1)], [message, message]);
  }
  const before = heard.a.length;
  relay.hear("no JSON");
  assert.equal(heard.a.length, before);
});
