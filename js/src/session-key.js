const ALLOWED = /^[\w.~-]{1,128}$/;

/** Whether the value is a session key: the server refuses what is not. */
export const isSessionKey = (value) => typeof value === "string" && ALLOWED.test(value);

/**
 * A place for one session key, or what looks like one: `{ read(), write(key) }`, where no key is `null`.
 *
 * A browser that blocks site data throws on the mere mention of its storage, or when something is written. The key
 * then lasts as long as the page: that is said once for each place, on the console.
 */
export function sessionKeyPlace(storage, name) {
  let kept = null;
  let store;
  const attempt = (action) => {
    try {
      return action();
    } catch (error) {
      store = undefined;
      console.warn(`The browser refuses storage, so ${name} is kept in memory.`, error);
    }
  };
  attempt(() => {
    store = storage === "session" ? globalThis.sessionStorage : storage === "local" ? globalThis.localStorage : undefined;
  });
  return {
    read() {
      const value = store && attempt(() => store.getItem(name));
      if (isSessionKey(value)) {
        kept = value;
      }
      return kept;
    },
    write(key) {
      kept = key;
      if (store) {
        attempt(() => (key === null ? store.removeItem(name) : store.setItem(name, key)));
      }
    },
  };
}
