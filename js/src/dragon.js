// What all entry points share.
export { load } from "./module.js";
export { SwampDragon } from "./swampdragon.js";
