// Makes dist/ from src/: `dragon.js` with everything that the entry points share, so that a page that reaches it by
// two of them loads it once, what only some pages need, the entry points themselves, and the adapters, which import the
// main entry beside them. `cargo xtask wasm` runs this after the WebAssembly.
import { build } from "esbuild";

const options = { format: "esm", target: "es2022", minify: true, charset: "utf8", outdir: "dist", logLevel: "warning" };
const entries = ["index", "node", "init", "init-node", "inline"];
const adapters = ["vanilla", "singleton", "angularjs"];

/** Leaves the import of the package itself to the page, by a path, since browsers know no packages. */
const mainEntry = (path) => ({
  name: "main-entry",
  setup: ({ onResolve }) => onResolve({ filter: /^swampdragon$/ }, () => ({ path, external: true })),
});

await build({ ...options, entryPoints: ["src/dragon.js"], bundle: true, external: ["./fallback.js", "./share.js"] });
await build({ ...options, entryPoints: ["src/fallback.js", "src/share.js"], bundle: true });
await build({ ...options, entryPoints: entries.map((name) => `src/entry/${name}.js`) });
const adapterOptions = { ...options, entryPoints: adapters.map((name) => `src/adapter/${name}.js`), bundle: true };
await build({ ...adapterOptions, plugins: [mainEntry("./index.js")] });
await build({ ...adapterOptions, entryNames: "[name]-node", plugins: [mainEntry("./node.js")] });
await build({ ...options, entryPoints: ["src/adapter/datamapper.js"], bundle: true });
