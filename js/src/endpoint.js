/**
 * Where to connect: `[endpoint, raw]`. The endpoint of a SockJS service is its base URL; the raw endpoint is complete.
 *
 * `url` may be a page's (`https:`) or a socket's (`wss:`); it is raw by itself when its path ends in `/websocket`.
 */
export function endpoint(url, channel, raw) {
  let parsed;
  try {
    parsed = new URL(url, globalThis.location?.href);
  } catch {
    // Below.
  }
  if (!parsed || !/^(http|ws)s?:$/.test(parsed.protocol)) {
    throw new TypeError(`connect needs a URL such as "https://example.com", not ${JSON.stringify(url)}`);
  }
  const path = parsed.pathname.replace(/\/+$/, "");
  const base = parsed.protocol.replace("http", "ws") + "//" + parsed.host + path;
  if (path.endsWith("/websocket")) {
    return [base + parsed.search, true];
  }
  const service = base + "/" + channel.replace(/^\/+|\/+$/g, "");
  return raw ? [service + "/websocket" + parsed.search, true] : [service, false];
}
