// Makes dist/ from src/: `dragon.js` with everything that the entry points share, so that a page that reaches it by
// two of them loads it once, and the entry points themselves. `cargo xtask wasm` runs this after the WebAssembly.
import { build } from "esbuild";

const options = { format: "esm", target: "es2022", minify: true, charset: "utf8", outdir: "dist", logLevel: "warning" };
const entries = ["index", "node", "init", "init-node", "inline"];

await build({ ...options, entryPoints: ["src/dragon.js"], bundle: true });
await build({ ...options, entryPoints: entries.map((name) => `src/entry/${name}.js`) });
