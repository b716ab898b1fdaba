import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, test } from "node:test";
import { JSDOM } from "jsdom";
import { WebSocket } from "ws";
import { reply, startServer, until } from "./server.js";

const require = createRequire(import.meta.url);
let server;
let window;
let applications = [];
let copies = 0;

/** Says back what it was called with, in the state that the route names. */
const echo = (to, call) => {
  if (call.verb === "subscribe") {
    const channel_data = { local_channel: call.args.channel, remote_channels: ["news"] };
    to.say({ ...reply(call, "subscribed"), channel_data });
  } else if (call.route !== "silence") {
    to.say(reply(call, call.args ?? null, call.route));
  }
};

/** The adapter anew, as a page would get it, with a page and an AngularJS of its own. */
async function adapter({ url = "http://page.example/", settings } = {}) {
  ({ window } = new JSDOM("<body><p id='app' ng-controller='news'>{{ titles.join() }}</p></body>", { url }));
  globalThis.window = window;
  globalThis.document = window.document;
  globalThis.location = window.location;
  delete require.cache[require.resolve("angular/angular.js")];
  require("angular/angular.js");
  // It says so to its window; in a page that is the global object.
  globalThis.angular = window.angular;
  const { default: name, configure } = await import(`../dist/angularjs.js?${copies++}`);
  configure(settings ?? { WebSocket, reconnectDelayMs: 1, host: server.url, storage: "memory" });
  return { name, configure };
}

/** A page's application, its services, and what its `$rootScope` broadcasts. */
async function start(options) {
  const { name, configure } = await adapter(options);
  const broadcasts = [];
  const exceptions = [];
  const app = globalThis.angular
    .module("app", [name])
    .factory("$exceptionHandler", () => (error) => exceptions.push(error))
    .controller("news", [
      "$scope",
      ($scope) => {
        $scope.titles = [];
        $scope.$on("handleChannelMessage", (_, channels, { data }) => $scope.titles.push(data.title));
      },
    ]);
  app.run([
    "$rootScope",
    ($rootScope) => {
      for (const event of ["heartbeat", "dragonReady", "handleChannelMessage", "loginRequired"]) {
        $rootScope.$on(event, (_, ...args) => broadcasts.push([event, ...args]));
      }
    },
  ]);
  const injector = globalThis.angular.bootstrap(window.document.body, ["app"]);
  applications.push(injector.get("$rootScope"));
  const services = Object.fromEntries(["$dragon", "dataService", "$rootScope", "$q"].map((name) => [name, injector.get(name)]));
  return { ...services, broadcasts, exceptions, configure, named: (name) => broadcasts.filter(([known]) => known === name) };
}

async function connect(options) {
  const started = await start(options);
  await until(() => started.$dragon.isReady());
  return started;
}

beforeEach(async () => {
  server = await startServer({ onMessage: echo });
});

afterEach(async () => {
  applications.splice(0).forEach(($rootScope) => $rootScope.$destroy());
  window?.close();
  for (const name of ["window", "document", "location", "angular", "swampdragon_host", "swampdragon_settings"]) {
    delete globalThis[name];
  }
  await server.stop();
});

describe("the module SwampDragonServices", () => {
  test("is there as soon as the script has run, for ng-app", async () => {
    // The page calls before there is a connection.
    const { $dragon, dataService } = await start();
    assert.equal($dragon.isReady(), false);
    const args = { a: 1 };
    const answer = dataService.create("success", args);
    args.a = "emptied";
    assert.deepEqual(await answer, { data: { a: 1 } });
  });

  test("needs AngularJS first", async () => {
    await assert.rejects(import(`../dist/angularjs.js?${copies++}`), /needs AngularJS first/);
  });

  test("has both services on one connection", async () => {
    const { $dragon, dataService } = await connect();
    await $dragon.getList("success");
    await dataService.getList("success");
    assert.equal(server.peers.length, 1);
  });

  test("connects to where the page's globals say", async () => {
    globalThis.swampdragon_host = server.url;
    globalThis.swampdragon_settings = { endpoint: "/live" };
    await connect({ settings: { WebSocket, storage: "memory" } });
    assert.match(server.peers[0].path, /^\/live\//);
  });

  test("connects to port 9999 of the page's host when nothing says it", async () => {
    const urls = [];
    class Recorder extends WebSocket {
      constructor(url) {
        urls.push(url);
        super("ws://127.0.0.1:1");
      }
    }
    await start({ url: "http://127.0.0.1:8000/", settings: { WebSocket: Recorder, storage: "memory" } });
    await until(() => urls.length);
    assert.match(urls[0], /^ws:\/\/127\.0\.0\.1:9999\/data\//);
  });

  test("is configured before its services are made, with what can be meant", async () => {
    const { configure } = await connect();
    assert.throws(() => configure({}), /must come before AngularJS makes its services/);
    const other = await adapter();
    assert.throws(() => other.configure({ host: 5 }), { name: "TypeError", message: /host must be a string/ });
  });

  test("lets go of the connection with the application", async () => {
    const { $rootScope, $dragon } = await connect();
    $rootScope.$destroy();
    assert.equal($dragon.isReady(), false);
    await until(() => server.peers[0].socket.readyState === WebSocket.CLOSED);
  });
});

describe("$rootScope broadcasts", () => {
  test("dragonReady at each opening", async () => {
    const { named } = await connect();
    server.peers[0].socket.terminate();
    await until(() => named("dragonReady").length === 2);
  });

  test("heartbeat, after the answer with the key", async () => {
    const { $dragon, named } = await connect();
    $dragon.session = "0f8fad5bd9cb469fa16570867728950e";
    server.peers[0].say({ heartbeat: "tick" });
    await until(() => named("heartbeat").length && server.peers[0].heard.length);
    assert.deepEqual(server.peers[0].heard, [{ heartbeat: "tick", session: $dragon.session }]);
  });

  test("handleChannelMessage with channels and publication, and the page shows it", async () => {
    const { dataService, named } = await connect();
    await dataService.subscribe("news", "front", { a: 1 });
    assert.deepEqual(server.peers[0].heard[0].args, { a: 1, channel: "front" });
    server.peers[0].say({ data: { title: "Dragons return" }, action: "created", channel: "news" });
    await until(() => window.document.getElementById("app").textContent === "Dragons return");
    assert.deepEqual(named("handleChannelMessage"), [
      ["handleChannelMessage", ["front"], { data: { title: "Dragons return" }, action: "created" }],
    ]);
  });

  test("handleChannelMessage outside of a digest, since pages begin one in it", async () => {
    const { $rootScope, exceptions, named } = await connect();
    let applied = false;
    $rootScope.$on("handleChannelMessage", () => $rootScope.$apply(() => (applied = true)));
    server.peers[0].say({ data: { title: "x" }, channel: "news" });
    await until(() => named("handleChannelMessage").length);
    assert.deepEqual([applied, exceptions], [true, []]);
  });

  test("loginRequired, and the call is rejected", async () => {
    const { dataService, named } = await connect();
    await assert.rejects(Promise.resolve(dataService.getList("login_required")), (failure) => {
      assert.deepEqual(failure, { errors: null, state: "login_required", code: "login_required" });
      return true;
    });
    assert.equal(named("loginRequired").length, 1);
  });
});

describe("calls of the services", () => {
  test("return promises of $q, whose callbacks the page shows", async () => {
    const { dataService, $rootScope } = await connect();
    dataService.getList("success", { title: "By call" }).then(({ data }) => {
      $rootScope.$$childHead.titles.push(data.title);
    });
    await until(() => window.document.getElementById("app").textContent === "By call");
  });

  test("give the router's own context, when there is one", async () => {
    await server.stop();
    server = await startServer({
      onMessage(to, call) {
        const { data, context } = reply(call, 1);
        to.say({ data, context: { ...context, client_context: { page: 2 } } });
      },
    });
    const { $dragon } = await connect();
    assert.deepEqual(await $dragon.getList("news"), { data: 1, context: { page: 2 } });
  });

  test("are rejected with the errors, or the code of a lost connection", async () => {
    const { $dragon } = await connect();
    await assert.rejects(Promise.resolve($dragon.create("error", { name: ["too long"] })), (failure) => {
      assert.deepEqual(failure, { errors: { name: ["too long"] }, state: "error", code: "error" });
      return true;
    });
    const lost = Promise.resolve($dragon.getList("silence"));
    await until(() => server.peers[0].heard.length === 2);
    server.peers[0].socket.terminate();
    await assert.rejects(lost, (failure) => {
      assert.deepEqual(failure, { errors: null, state: "error", code: "connection_lost" });
      return true;
    });
  });

  test("that fail without anybody looking bother nobody", async () => {
    const { $dragon, exceptions } = await connect();
    $dragon.getList("error");
    await $dragon.getList("success");
    await new Promise((done) => setTimeout(done, 20));
    assert.deepEqual(exceptions, []);
  });

  test("each send their verb, with the channel before the arguments", async () => {
    const { $dragon } = await connect();
    const data = Object.freeze({ a: 1, $$hashKey: "object:1" });
    $dragon.getSingle("r", data);
    $dragon.getList("r", data);
    $dragon.getPagedList("r", data, 3);
    $dragon.create("r", data);
    $dragon.update("r", data);
    $dragon.delete("r", data);
    $dragon.subscribe("r", "front", data);
    $dragon.unsubscribe("r", "front", data);
    $dragon.callRouter("own", "r", data, "back");
    const { heard } = server.peers[0];
    await until(() => heard.length === 9);
    assert.deepEqual(
      heard.map(({ verb, args }) => [verb, args]),
      [
        ["get_single", { a: 1 }],
        ["get_list", { a: 1 }],
        ["get_list", { a: 1, _page: 3 }],
        ["create", { a: 1 }],
        ["update", { a: 1 }],
        ["delete", { a: 1 }],
        ["subscribe", { a: 1, channel: "front" }],
        ["unsubscribe", { a: 1, channel: "front" }],
        ["own", { a: 1, channel: "back" }],
      ],
    );
  });

  test("throw a TypeError for what cannot be meant", async () => {
    const { $dragon, dataService } = await connect();
    assert.throws(() => dataService.getList(), { name: "TypeError", message: /route must be a string/ });
    assert.throws(() => $dragon.subscribe("news", {}), { name: "TypeError", message: /channel/ });
    assert.throws(() => $dragon.onReady("function"), { name: "TypeError", message: /callback must be a function/ });
    assert.throws(() => ($dragon.session = 5), { name: "TypeError", message: /session key/ });
  });

  test("by name reach on, with a digest", async () => {
    const { dataService, $rootScope } = await connect();
    let own;
    dataService.on("listed", function (context, data) {
      own = this;
      $rootScope.$$childHead.titles.push(data.title);
    });
    dataService.sendJSON({ route: "success", verb: "get_list", args: { title: "By name" }, callbackname: "listed" });
    await until(() => window.document.getElementById("app").textContent === "By name");
    assert.equal(own, dataService.swampDragon);
  });
});

describe("$dragon calls back", () => {
  test("onReady once, onOpen and onClose each time", async () => {
    const { $dragon } = await start();
    const events = [];
    $dragon.onReady(() => events.push("ready"));
    $dragon.onOpen(() => events.push("open"));
    $dragon.onClose(({ reconnecting }) => events.push(reconnecting));
    await until(() => events.length === 2);
    server.peers[0].socket.terminate();
    await until(() => events.length === 4);
    assert.deepEqual(events, ["open", "ready", true, "open"]);
    $dragon.onReady(() => events.push("ready now"));
    await until(() => events.length === 5);
  });

  test("onHeartbeat, onChannelMessage, onLoginRequired, until they are stopped", async () => {
    const { $dragon, exceptions } = await connect();
    const events = [];
    const stop = $dragon.onHeartbeat(() => events.push("heartbeat"));
    $dragon.onChannelMessage((channels, { data }) => events.push(data));
    $dragon.onLoginRequired(() => {
      throw new Error("page's fault");
    });
    $dragon.onLoginRequired(() => events.push("login"));
    const [peer] = server.peers;
    peer.say({ heartbeat: "tick" });
    peer.say({ data: 1, channel: "news" });
    $dragon.getList("login_required");
    await until(() => events.length === 3);
    assert.deepEqual(events, ["heartbeat", 1, "login"]);
    assert.equal(exceptions[0].message, "page's fault");
    stop();
    peer.say({ heartbeat: "tick" });
    await $dragon.getList("success");
    assert.equal(events.length, 3);
  });
});
