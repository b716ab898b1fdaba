/** A method for each verb, as SwampDragon 0.3 and 0.4 name them, over `call(verb, route, args, channel, ...rest)`. */
export const verbs = (call) => ({
  getSingle: (route, data, ...rest) => call("get_single", route, data, null, ...rest),
  getList: (route, data, ...rest) => call("get_list", route, data, null, ...rest),
  // Copied, since the page's own object is nothing to write in.
  getPagedList: (route, data, page, ...rest) => call("get_list", route, { ...data, _page: page || 1 }, null, ...rest),
  create: (route, data, ...rest) => call("create", route, data, null, ...rest),
  update: (route, data, ...rest) => call("update", route, data, null, ...rest),
  delete: (route, data, ...rest) => call("delete", route, data, null, ...rest),
  subscribe: (route, channel, args, ...rest) => call("subscribe", route, args, assertChannel(channel), ...rest),
  unsubscribe: (route, channel, args, ...rest) => call("unsubscribe", route, args, assertChannel(channel), ...rest),
});

/** Arguments out of order are the likely fault, and a server's answer to them says little. */
export function assertCall(verb, route, args) {
  for (const [name, value] of Object.entries({ verb, route })) {
    if (typeof value !== "string" || value === "") {
      throw new TypeError(`The ${name} must be a string, such as "${name === "verb" ? "get_list" : "news"}".`);
    }
  }
  if (args != null && typeof args !== "object") {
    throw new TypeError("The arguments must be an object.");
  }
}

function assertChannel(channel) {
  if (typeof channel !== "string") {
    throw new TypeError("The channel, which comes after the route, must be a string.");
  }
  return channel;
}
