import type { Options } from "./index.js";

/** Where the server is, and the options of the `SwampDragon` object behind an adapter. */
export interface AdapterOptions extends Options {
  /**
   * Where the server is, such as `https://example.com`.
   * Default: `window.swampdragon_host`, which the server's `settings.js` sets, or the page's own origin.
   */
  host?: string;
  /**
   * Which service it is there. Default: `window.swampdragon_settings.endpoint`, which the server's `settings.js` sets,
   * or `data`.
   */
  endpoint?: string;
}
