// Makes dist/ from src/: `index.js`, the main entry with all that a page needs at once, since each file that names the
// next one keeps the connection waiting; `dragon.js` with the same for the other entries to share; what only some pages
// need; and the adapters, which import the main entry beside them. `cargo xtask wasm` runs this after the WebAssembly, and
// reads what it prints: how many bytes each file has in `index.js`, minified by esbuild alone.
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { build } from "esbuild";
import { minify } from "terser";

const options = { format: "esm", target: "es2022", minify: true, charset: "utf8", outdir: "dist", logLevel: "warning" };
const entries = ["init", "init-node", "inline"];
/** What `dragon.js` imports when a page turns out to need it. */
const parts = ["fallback", "activity", "share", "touch"];
const adapters = ["vanilla", "singleton", "angularjs"];

/** Leaves the import of the package itself to the page, by a path, since browsers know no packages. */
const mainEntry = {
  name: "main-entry",
  setup: ({ onResolve }) => onResolve({ filter: /^swampdragon$/ }, () => ({ path: "./index.js", external: true })),
};

/** Entries name the others as they lie beside them in dist/. */
const besideEntries = {
  name: "beside-entries",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\/(carried|dragon)\.js$/ }, ({ path }) => ({ path: resolve("src", path) })),
};

const { metafile } = await build({
  ...options,
  entryPoints: ["src/dragon.js", "src/entry/index.js"],
  entryNames: "[name]",
  bundle: true,
  external: parts.map((name) => `./${name}.js`),
  plugins: [besideEntries],
  metafile: true,
});
// Pages load one of these, and esbuild leaves 3 % of it for another to take away: no function of ours or of the glue is
// called with `new`, so all may be arrows. The WebAssembly comes last: terser makes names of the letters that are frequent.
const wasm = JSON.stringify(await readFile("pkg/swampdragon.wasm.txt", "utf8"));
for (const file of ["dist/dragon.js", "dist/index.js"]) {
  const made = await readFile(file, "utf8");
  const { code } = await minify(made, { module: true, ecma: 2020, compress: { passes: 2, unsafe_arrows: true } });
  await writeFile(file, code.replace("WASM_TEXT", () => wasm));
}
await build({ ...options, entryPoints: parts.map((name) => `src/${name}.js`), bundle: true });
await build({ ...options, entryPoints: entries.map((name) => `src/entry/${name}.js`) });
const adapterEntries = adapters.map((name) => `src/adapter/${name}.js`);
await build({ ...options, entryPoints: adapterEntries, bundle: true, plugins: [mainEntry] });
await build({ ...options, entryPoints: ["src/adapter/datamapper.js"], bundle: true });

const files = Object.entries(metafile.outputs["dist/index.js"].inputs);
console.log(JSON.stringify(Object.fromEntries(files.map(([name, { bytesInOutput }]) => [name, bytesInOutput]))));
