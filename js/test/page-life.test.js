import assert from "node:assert/strict";
import { test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { startServer, until } from "./server.js";

test("a page lets go when it is hidden away and comes back when it is shown", async () => {
  // As much of a window as the client looks at.
  const page = new EventTarget();
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.removeEventListener = page.removeEventListener.bind(page);
  const happen = (type) => page.dispatchEvent(new Event(type));
  const server = await startServer();
  const dragon = new SwampDragon({ WebSocket, reconnectDelayMs: 60_000, reconnectDelayMaxMs: 60_000 });
  dragon.connect(server.url);
  await until(() => dragon.isReady);

  happen("pagehide");
  assert.equal(dragon.isReady, false);
  happen("pageshow");
  await until(() => dragon.isReady);
  assert.equal(server.peers.length, 2);

  // The next attempt would come within a minute; the network's return does not wait for it.
  server.peers[1].socket.terminate();
  await until(() => !dragon.isReady);
  happen("online");
  await until(() => dragon.isReady);

  dragon.disconnect();
  happen("pageshow");
  assert.equal(server.peers.length, 3);
  await server.stop();
});
