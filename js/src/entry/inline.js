import { SwampDragon, load } from "./dragon.js";
import wasm from "./swampdragon.wasm.js";

await load(Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0)));

export { SwampDragon };
