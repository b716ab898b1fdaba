import { SwampDragon, load } from "./dragon.js";
// Here nothing is fetched later, so the modules that others import when they need them come along.
import "./activity.js";
import "./fallback.js";
import "./share.js";
import "./touch.js";
import wasm from "./swampdragon.wasm.js";

await load(Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0)));

export { SwampDragon };
