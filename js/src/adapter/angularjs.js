import { SwampDragon } from "swampdragon";
import { Callbacks, assertCallback, overhear } from "./callbacks.js";
import { target } from "./target.js";
import { assertCall, verbs } from "./verbs.js";

const MODULE = "SwampDragonServices";

/** What `$rootScope` hears of each callback. */
const BROADCASTS = {
  onopen: "dragonReady",
  onclose: undefined,
  onchannelmessage: "handleChannelMessage",
  onheartbeat: "heartbeat",
  onloginrequired: "loginRequired",
};

const { angular } = globalThis;
if (!angular) {
  throw new Error('swampdragon/angularjs needs AngularJS first: by a script element, or by import "angular".');
}

let configured;
let running = false;

export function configure(options) {
  if (running) {
    throw new Error("swampdragon: configure must come before AngularJS makes its services.");
  }
  target(options);
  configured = options;
}

function makeDragon($rootScope, $q, $timeout, $exceptionHandler) {
  running = true;
  const options = configured;
  const [host = oldHost(), endpoint] = target(options);
  const callbacks = Object.fromEntries(Object.keys(BROADCASTS).map((name) => [name, new Callbacks($exceptionHandler)]));
  const ready = new Callbacks($exceptionHandler);

  function hear(name, ...args) {
    // Outside of a digest, since pages written for the original begin one themselves.
    if (BROADCASTS[name]) {
      $rootScope.$broadcast(BROADCASTS[name], ...args);
    }
    callbacks[name].call(...args);
    if (name === "onopen") {
      ready.callOnce();
    }
    $rootScope.$evalAsync();
  }

  const dragon = new SwampDragon(overhear(options, Object.keys(callbacks), hear));
  try {
    dragon.connect(host, endpoint);
  } catch (error) {
    // The page's application runs all the same.
    $exceptionHandler(error);
  }
  $rootScope.$on("$destroy", () => dragon.disconnect());

  function callRouter(verb, route, args, channel) {
    assertCall(verb, route, args);
    const answer = $q.when(dragon.callRouter(verb, route, args, null, channel)).then(
      ({ data, context }) => ("client_context" in context ? { data, context: context.client_context } : { data }),
      ({ data, context: { state }, code }) => $q.reject({ errors: data, state, code }),
    );
    // A page that does not look at the promise did not ask to hear of a failure either.
    answer.catch(() => {});
    return answer;
  }

  return {
    swampDragon: dragon,

    get session() {
      return dragon.session;
    },

    set session(key) {
      dragon.session = key;
    },

    isReady: () => dragon.isReady,

    on(name, callback) {
      assertCallback(callback);
      dragon.on(name, (...args) => {
        callback.apply(dragon, args);
        $rootScope.$evalAsync();
      });
    },

    onReady(callback) {
      assertCallback(callback);
      if (dragon.isReady) {
        $timeout(() => callback());
      } else {
        ready.add(callback);
      }
    },

    onOpen: (callback) => callbacks.onopen.add(callback),
    onClose: (callback) => callbacks.onclose.add(callback),
    onChannelMessage: (callback) => callbacks.onchannelmessage.add(callback),
    onHeartbeat: (callback) => callbacks.onheartbeat.add(callback),
    onLoginRequired: (callback) => callbacks.onloginrequired.add(callback),

    sendJSON: (message) => dragon.sendJSON(message),
    callRouter,
    ...verbs(callRouter),
  };
}

/** Pages of SwampDragon 0.3.0 name no host: their server is at this port of the page's own. */
function oldHost() {
  const { protocol, hostname } = globalThis.location ?? {};
  return hostname && `${protocol}//${hostname}:9999`;
}

angular
  .module(MODULE, [])
  .factory("$dragon", ["$rootScope", "$q", "$timeout", "$exceptionHandler", makeDragon])
  .factory("dataService", ["$dragon", (dragon) => dragon]);

export default MODULE;
