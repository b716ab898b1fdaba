/** Where an adapter connects, `[host, endpoint]`: as the options say, or as a SwampDragon server's `settings.js` does. */
export function target(options) {
  options ??= {};
  if (typeof options !== "object") {
    throw new TypeError("The options must be an object.");
  }
  const { host = globalThis.swampdragon_host, endpoint = globalThis.swampdragon_settings?.endpoint } = options;
  for (const [name, value] of Object.entries({ host, endpoint })) {
    if (value !== undefined && typeof value !== "string") {
      throw new TypeError(`${name} must be a string, such as "${name === "host" ? "https://example.com" : "/data"}".`);
    }
  }
  return [host, endpoint];
}
