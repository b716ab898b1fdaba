import { carried } from "./carried.js";
import { SwampDragon, loadNow } from "./dragon.js";

loadNow(carried());

export { SwampDragon };
