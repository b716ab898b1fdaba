import { SwampDragon, load } from "./dragon.js";

// Written so that Vite and webpack see the file and copy it.
await load(new URL("./swampdragon.wasm", import.meta.url));

export { SwampDragon };
