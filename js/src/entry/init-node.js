import { readFile } from "node:fs/promises";
import { SwampDragon, load } from "./dragon.js";

export function init(source) {
  return load(source ?? readFile(new URL("./swampdragon.wasm", import.meta.url)));
}

export default init;
export { SwampDragon };
