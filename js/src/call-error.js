// By number, as the client gives them (`CallFailure` in `client-core/src/calls.rs`).
const FAILURES = ["connection_lost", "not_connected", "queue_full", "unanswered", "too_many_subscriptions"];

/** The error of a call that did not succeed. The code, in words, is the message: `get_list "news": connection lost`. */
export function callError({ verb, route }, context, data, code = context.state) {
  const error = new Error(`${verb} "${route}": ${String(code).replaceAll("_", " ")}`);
  return Object.assign(error, { state: context.state, data, context, code });
}

/** The context of a call that got no answer. It looks like a server's, so that callbacks can treat it as one. */
export function failureContext({ name, verb }, number) {
  return { client_callback_name: name, verb, state: "error", code: FAILURES[number] };
}
