import { assertCallback } from "./callbacks.js";
import { assertCall, verbs } from "./verbs.js";

/** Calls with a `success` and a `failure`; `dragon()` is the object to call with. Without either, with a promise. */
export function callbackCalls(dragon) {
  let calls = 0;

  function callRouter(verb, route, args, success, failure, channel) {
    assertCall(verb, route, args);
    [success, failure].forEach((callback) => callback == null || assertCallback(callback));
    if (!success && !failure) {
      return dragon().callRouter(verb, route, args, null, channel);
    }
    const name = `cb_${calls++}`;
    const own = dragon();
    const answer = (context, data) => {
      own.off(name, answer);
      // Also when a login is required, or the connection lost: a call is never left without an answer.
      (context.state === "success" ? success : failure)?.(context, data);
    };
    own.on(name, answer);
    try {
      own.callRouter(verb, route, args, name, channel);
    } catch (error) {
      own.off(name, answer);
      throw error;
    }
  }

  return {
    callRouter,
    ...verbs((verb, route, args, channel, success, failure) => callRouter(verb, route, args, success, failure, channel)),
  };
}
