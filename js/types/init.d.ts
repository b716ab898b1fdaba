export * from "./index.js";

/** What the WebAssembly can be loaded from. */
export type WasmSource = string | URL | Response | BufferSource | WebAssembly.Module;

/**
 * Loads the WebAssembly. `new SwampDragon` throws before it is done. A second call waits for the first.
 *
 * @param source Where `swampdragon.wasm` is, or its bytes. Default: the file beside the script.
 */
export function init(source?: WasmSource | Promise<WasmSource>): Promise<void>;
export default init;
