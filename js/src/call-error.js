// By number, as the client gives them (`CallFailure` in `client-core/src/calls.rs`): code and explanation.
const FAILURES = [
  ["connection_lost", "the connection was lost before the reply came"],
  ["not_connected", "there is no connection"],
  ["queue_full", "too many calls wait for the connection"],
  ["unanswered", "the server has not replied, and too many calls wait for replies"],
  ["too_many_subscriptions", "there are too many subscriptions"],
];

function callError(call, why, context, data, code) {
  return Object.assign(new Error(`${call.verb} "${call.route}": ${why}.`), { state: context.state, data, context, code });
}

/** The error of a call that the server answered with anything but success. */
export function refusal(call, context, data) {
  return callError(call, `the server answered "${context.state}"`, context, data, context.state);
}

/** The error of a call that got no answer. Its context looks like a server's, so that callbacks can treat it as one. */
export function failure(call, number) {
  const [code, why] = FAILURES[number];
  const context = { client_callback_name: call.name, verb: call.verb, state: "error", code };
  return callError(call, why, context, null, code);
}
