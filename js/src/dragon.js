// What all entry points share.
export { load, loadNow } from "./module.js";
export { SwampDragon } from "./swampdragon.js";
