import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { reply, startServer, until } from "./server.js";

let server;
let dragon;
let options;

/** Subscribes to `news` under the name that was asked for. */
const answer = (to, call) => {
  if (call.verb === "subscribe") {
    const channel_data = { local_channel: call.args.channel, remote_channels: ["news"] };
    to.say({ ...reply(call, "subscribed"), channel_data });
  }
};

const publish = (data, peer = server.peers.at(-1)) => peer.say({ data, action: "created", channel: "news" });

async function connect(more) {
  options = { WebSocket, reconnectDelayMs: 1, ...more };
  dragon = new SwampDragon(options);
  dragon.connect(server.url);
  await dragon.subscribe("news", {}, null, "front");
}

beforeEach(async () => {
  server = await startServer({ onMessage: answer });
});

afterEach(async () => {
  dragon.disconnect();
  await server.stop();
});

describe("for await over a channel", () => {
  test("gives each publication, until the loop is left", async () => {
    await connect();
    const heard = [];
    const channel = dragon.channel("front");
    publish(1);
    publish(2);
    for await (const message of channel) {
      heard.push(message);
      if (heard.length === 2) {
        break;
      }
    }
    assert.deepEqual(heard, [
      { data: 1, action: "created" },
      { data: 2, action: "created" },
    ]);
    assert.deepEqual(await channel.next(), { value: undefined, done: true });
  });

  test("gives nothing of other channels, and the same to each loop", async () => {
    await connect();
    const [first, second, other] = ["front", "front", "back"].map((name) => dragon.channel(name).next());
    publish(1);
    assert.equal((await first).value.data, 1);
    assert.equal((await second).value.data, 1);
    dragon.disconnect();
    assert.equal((await other).done, true);
  });

  test("goes on over a reconnect", async () => {
    await connect();
    const channel = dragon.channel("front");
    publish(1);
    assert.equal((await channel.next()).value.data, 1);
    const next = channel.next();
    server.peers[0].socket.terminate();
    await until(() => server.peers[1]?.heard.length === 1);
    publish(2);
    assert.equal((await next).value.data, 2);
  });

  test("keeps the newest when nobody reads, and counts what it dropped", async () => {
    await connect();
    let published = 0;
    options.onchannelmessage = () => published++;
    const narrow = dragon.channel("front", { buffer: 2 });
    const wide = dragon.channel("front");
    for (let number = 0; number < 260; number++) {
      publish(number);
    }
    await until(() => published === 260);
    assert.equal(narrow.dropped, 258);
    assert.deepEqual([(await narrow.next()).value.data, (await narrow.next()).value.data], [258, 259]);
    assert.equal(wide.dropped, 4);
    assert.equal((await wide.next()).value.data, 4);
  });

  test("ends with disconnect, after what was kept", async () => {
    await connect();
    const channel = dragon.channel("front");
    let published = false;
    options.onchannelmessage = () => (published = true);
    publish(1);
    await until(() => published);
    dragon.disconnect();
    const heard = [];
    for await (const { data } of channel) {
      heard.push(data);
    }
    assert.deepEqual(heard, [1]);
  });

  test("ends when the server refuses for good, and when a page gives up between two connections", async () => {
    await connect();
    const refused = dragon.channel("front").next();
    server.peers[0].frame('c[3001,"Connection aborted"]');
    assert.equal((await refused).done, true);

    dragon.connect();
    await until(() => dragon.isReady);
    const givenUp = dragon.channel("front").next();
    await server.stop();
    await until(() => !dragon.isReady);
    dragon.disconnect();
    assert.equal((await givenUp).done, true);
  });

  test("wants a name and a buffer that holds something", () => {
    dragon = new SwampDragon({ WebSocket });
    assert.throws(() => dragon.channel(), { name: "TypeError", message: /name that was given to subscribe/ });
    for (const buffer of [0, -1, 1.5, Infinity, "many"]) {
      assert.throws(() => dragon.channel("front", { buffer }), { name: "TypeError", message: /buffer/ });
    }
  });
});

describe("restoreSubscriptions: false", () => {
  test("leaves it to the page to subscribe again", async () => {
    await connect({ restoreSubscriptions: false });
    let heard;
    options.onchannelmessage = (channels) => (heard = channels);
    publish(1);
    await until(() => heard);
    assert.deepEqual(heard, ["front"]);

    server.peers[0].socket.terminate();
    await until(() => server.peers.length === 2 && dragon.isReady);
    await dragon.subscribe("news", {}, null, "back");
    assert.deepEqual(server.peers[1].heard.map(({ args }) => args.channel), ["back"]);
    heard = undefined;
    publish(2);
    await until(() => heard);
    assert.deepEqual(heard, ["back"]);
  });
});
