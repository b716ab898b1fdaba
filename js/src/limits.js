// In the order that `attach` takes them (`client-wasm/src/bridge.rs`).
const DEFAULTS = {
  reconnectDelayMs: 500,
  reconnectDelayMaxMs: 30_000,
  connectTimeoutMs: 10_000,
  silenceTimeoutMs: 40_000,
  maxQueuedCalls: 256,
  maxPendingCalls: 1024,
  maxSubscriptions: 1024,
};

/** The numbers among the options. Past 2^31 - 1 a browser's timer would fire at once instead of late. */
export const limits = (settings) =>
  Object.entries(DEFAULTS).map(([name, fallback]) => {
    const value = settings[name] ?? fallback;
    if (!(value >= 0 && value < 2 ** 31)) {
      throw new TypeError(`${name} must be a number from 0 to 2147483647.`);
    }
    return value;
  });
