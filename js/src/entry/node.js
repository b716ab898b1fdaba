import { readFile } from "node:fs/promises";
import { SwampDragon, load } from "./dragon.js";

await load(readFile(new URL("./swampdragon.wasm", import.meta.url)));

export { SwampDragon };
