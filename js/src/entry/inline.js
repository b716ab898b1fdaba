// Here nothing is fetched later, so the modules that a page imports when it needs them come along.
import "./activity.js";
import "./fallback.js";
import "./share.js";
import "./touch.js";

export { SwampDragon } from "./index.js";
