import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { SwampDragon } from "swampdragon";

const KEY = "0f8fad5bd9cb469fa16570867728950e";

/** What a browser's storage does, as far as it is used. */
function storage() {
  const values = new Map();
  return {
    getItem: (name) => values.get(name) ?? null,
    setItem: (name, value) => values.set(name, value),
    removeItem: (name) => values.delete(name),
    values,
  };
}

function define(name, descriptor) {
  Object.defineProperty(globalThis, name, { configurable: true, ...descriptor });
}

afterEach(() => {
  delete globalThis.sessionStorage;
  delete globalThis.localStorage;
});

test("a key must follow the rule, which the error names", () => {
  const dragon = new SwampDragon();
  for (const key of ["", "a b", "k".repeat(129), 12, {}, "ä", "a\n"]) {
    assert.throws(() => (dragon.session = key), { name: "TypeError", message: /1 to 128 characters A-Z a-z 0-9 _ \. ~ -/ });
  }
  dragon.session = "Az09_.~-";
  assert.equal(dragon.session, "Az09_.~-");
});

test("null takes the key back", () => {
  const dragon = new SwampDragon();
  dragon.session = KEY;
  dragon.session = null;
  assert.equal(dragon.session, null);
});

test("memory is not shared", () => {
  new SwampDragon({ storage: "memory" }).session = KEY;
  assert.equal(new SwampDragon({ storage: "memory" }).session, null);
});

for (const [option, global] of [["session", "sessionStorage"], ["local", "localStorage"]]) {
  test(`storage "${option}" outlives the object`, () => {
    const place = storage();
    define(global, { value: place });
    new SwampDragon({ storage: option }).session = KEY;
    assert.equal(new SwampDragon({ storage: option }).session, KEY);
    assert.deepEqual([...place.values], [["swampdragon.session", KEY]]);
    new SwampDragon({ storage: option }).session = null;
    assert.equal(place.values.size, 0);
  });
}

test("what else stands in the storage is no key", () => {
  const place = storage();
  place.setItem("swampdragon.session", "not a key!");
  define("sessionStorage", { value: place });
  assert.equal(new SwampDragon({ storage: "session" }).session, null);
});

test("blocked storage falls back to memory with one warning", (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  define("sessionStorage", {
    get() {
      throw new Error("blocked");
    },
  });
  const dragon = new SwampDragon({ storage: "session" });
  dragon.session = KEY;
  assert.equal(dragon.session, KEY);
  assert.equal(warned.mock.callCount(), 1);
});

test("full storage falls back to memory with one warning", (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  define("sessionStorage", {
    value: {
      ...storage(),
      setItem() {
        throw new Error("full");
      },
    },
  });
  const dragon = new SwampDragon({ storage: "session" });
  dragon.session = KEY;
  dragon.session = "other";
  assert.equal(dragon.session, "other");
  assert.equal(warned.mock.callCount(), 1);
});
