import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { build } from "esbuild";
import { WebSocket } from "ws";
import { startPolledServer } from "./polled-server.js";
import { startServer, until } from "./server.js";

// Each entry in a process of its own would share nothing; here they share `dragon.js`, so the order matters.
test("init: an object made too early says what to do", async () => {
  const { SwampDragon, init } = await import("swampdragon/init");
  assert.throws(() => new SwampDragon(), /call "await init\(\)" from "swampdragon\/init" first/);
  await assert.rejects(init(new Uint8Array([1, 2, 3])));
  await Promise.all([init(), init()]);
  assert.equal(new SwampDragon().isReady, false);
});

test("the default entry loads by itself, and no global is set", async () => {
  const before = Object.getOwnPropertyNames(globalThis);
  const { SwampDragon } = await import("swampdragon");
  assert.equal(new SwampDragon().isReady, false);
  assert.deepEqual(Object.getOwnPropertyNames(globalThis), before);
});

test("the default entry carries the file's WebAssembly, in ASCII for whatever charset it is served in", async (t) => {
  const module = t.mock.method(WebAssembly, "Module");
  const entry = new URL("../dist/index.js", import.meta.url);
  await import(`${entry}?watched`);
  assert.deepEqual(Buffer.from(module.mock.calls[0].arguments[0]), await readFile(new URL("swampdragon.wasm", entry)));
  assert.match(await readFile(entry, "latin1"), /^[\x20-\x7e\n]*$/);
});

test("a script of the old kind may have the default entry in it, and may require it", async () => {
  const { outputFiles } = await build({
    stdin: { contents: 'export { SwampDragon } from "swampdragon";', resolveDir: import.meta.dirname },
    bundle: true,
    format: "iife",
    globalName: "bundle",
    write: false,
    outdir: "out",
  });
  const bundled = runInThisContext(`(() => { ${outputFiles[0].text}; return bundle; })()`);
  // Node.js requires modules since 20.19.
  const require = process.features.require_module ? createRequire(import.meta.url) : (name) => import(name);
  for (const { SwampDragon } of [bundled, await require("swampdragon")]) {
    assert.equal(new SwampDragon().isReady, false);
  }
});

for (const type of ["application/wasm", "application/octet-stream"]) {
  test(`the browser's entry loads from a server that says ${type}`, async () => {
    const wasm = await readFile(new URL("../dist/swampdragon.wasm", import.meta.url));
    const server = createServer((_, response) => response.writeHead(200, { "content-type": type }).end(wasm));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    // A query makes it another module, which has not been loaded.
    const { SwampDragon, load } = await import(`../dist/dragon.js?${type}`);
    await load(new URL(`http://127.0.0.1:${server.address().port}/`));
    server.close();
    server.closeAllConnections();
    assert.equal(new SwampDragon().isReady, false);
  });
}

test("a bundle of the inline entry is one file, and has its transports, sharing and touching in it", async (t) => {
  const { outputFiles } = await build({
    stdin: { contents: 'export { SwampDragon } from "swampdragon/inline";', resolveDir: import.meta.dirname },
    bundle: true,
    format: "esm",
    write: false,
    outdir: "out",
  });
  assert.equal(outputFiles.length, 1);
  const { SwampDragon } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
  const server = await startPolledServer();
  const dragon = new SwampDragon({ transports: ["xhr-streaming"] });
  t.after(() => {
    dragon.disconnect();
    server.stop();
  });
  dragon.connect(server.url);
  await until(() => dragon.isReady);
  dragon.disconnect();
  const other = await startServer();
  t.after(() => other.stop());
  const shared = new SwampDragon({ share: true, WebSocket });
  t.after(() => shared.disconnect());
  shared.connect(other.url);
  await until(() => shared.isReady);
  const fetched = [];
  t.mock.method(globalThis, "fetch", async (url) => (fetched.push(url), new Response(null, { status: 204 })));
  other.peers[0].say({ session: null, state: "active", touch_ms: 1000 });
  await until(() => fetched.length);
  assert.deepEqual(fetched, [`${other.url}/data/touch`]);
});

test("a file for sharing that cannot be had leaves the page its own connection", async (t) => {
  const dragon = await readFile(new URL("../dist/dragon.js", import.meta.url), "utf8");
  const folder = await mkdtemp(join(tmpdir(), "dragon-"));
  await writeFile(join(folder, "dragon.mjs"), dragon);
  const { SwampDragon, load } = await import(pathToFileURL(join(folder, "dragon.mjs")));
  await load(await readFile(new URL("../dist/swampdragon.wasm", import.meta.url)));
  for (const raw of [false, true]) {
    const server = await startServer({ sockjs: !raw });
    const shared = new SwampDragon({ share: true, raw, WebSocket, reconnectDelayMs: 1, transports: ["websocket"] });
    t.after(async () => {
      shared.disconnect();
      await server.stop();
    });
    shared.connect(server.url);
    await until(() => shared.isReady);
  }
  await rm(folder, { recursive: true });
});
