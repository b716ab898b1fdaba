// Makes dist/ from src/: `dragon.js` with everything that the entry points share, so that a page that reaches it by
// two of them loads it once, what only some pages need, the entry points themselves, and the adapters, which import the
// main entry beside them. `cargo xtask wasm` runs this after the WebAssembly, and reads what it prints: how many bytes each
// file has in `dragon.js`, minified by esbuild alone.
import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { minify } from "terser";

const options = { format: "esm", target: "es2022", minify: true, charset: "utf8", outdir: "dist", logLevel: "warning" };
const entries = ["index", "node", "init", "init-node", "inline"];
/** What `dragon.js` imports when a page turns out to need it. */
const parts = ["fallback", "activity", "share", "touch"];
const adapters = ["vanilla", "singleton", "angularjs"];

/** Leaves the import of the package itself to the page, by a path, since browsers know no packages. */
const mainEntry = (path) => ({
  name: "main-entry",
  setup: ({ onResolve }) => onResolve({ filter: /^swampdragon$/ }, () => ({ path, external: true })),
});

const { metafile } = await build({
  ...options,
  entryPoints: ["src/dragon.js"],
  bundle: true,
  external: parts.map((name) => `./${name}.js`),
  metafile: true,
});
// Every page loads this one, and esbuild leaves 3 % of it for another to take away: no function of ours or of the glue
// is called with `new`, so all may be arrows.
const dragon = await readFile("dist/dragon.js", "utf8");
const { code } = await minify(dragon, { module: true, ecma: 2020, compress: { passes: 2, unsafe_arrows: true } });
await writeFile("dist/dragon.js", code);
await build({ ...options, entryPoints: parts.map((name) => `src/${name}.js`), bundle: true });
await build({ ...options, entryPoints: entries.map((name) => `src/entry/${name}.js`) });
const adapterOptions = { ...options, entryPoints: adapters.map((name) => `src/adapter/${name}.js`), bundle: true };
await build({ ...adapterOptions, plugins: [mainEntry("./index.js")] });
await build({ ...adapterOptions, entryNames: "[name]-node", plugins: [mainEntry("./node.js")] });
await build({ ...options, entryPoints: ["src/adapter/datamapper.js"], bundle: true });

const files = Object.entries(metafile.outputs["dist/dragon.js"].inputs);
console.log(JSON.stringify(Object.fromEntries(files.map(([name, { bytesInOutput }]) => [name, bytesInOutput]))));
