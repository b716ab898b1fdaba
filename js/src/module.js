import { imports, start } from "../pkg/glue.js";

let loading;
let ready = false;

function begin(instance) {
  start(instance);
  ready = true;
}

/** Starts the WebAssembly at once. Chrome before 114 refuses that to a page, and is served by `load`. */
export function loadNow(bytes) {
  begin(new WebAssembly.Instance(new WebAssembly.Module(bytes), imports()));
}

/**
 * Loads the WebAssembly from a URL, a `Response`, bytes or a compiled module. A second call waits for the first.
 */
export function load(source) {
  loading ??= instantiate(source).then(begin, (error) => {
    // A later call may find the network back.
    loading = undefined;
    throw error;
  });
  return loading;
}

/** Says what is missing when an object is made before the WebAssembly is there. */
export function assertLoaded() {
  if (!ready) {
    throw new Error('swampdragon is not loaded: call "await init()" from "swampdragon/init" first.');
  }
}

async function instantiate(source) {
  source = await source;
  if (typeof source === "string" || source instanceof URL) {
    source = await fetch(source);
  }
  let how = "instantiate";
  if (source instanceof Response) {
    if (!source.ok) {
      throw new Error(`swampdragon: ${source.url} answered ${source.status}.`);
    }
    // Streaming wants the MIME type application/wasm, which not every server knows.
    if (source.headers.get("content-type")?.startsWith("application/wasm")) {
      how = "instantiateStreaming";
    } else {
      source = await source.arrayBuffer();
    }
  }
  const made = await WebAssembly[how](source, imports());
  // What is compiled already makes an instance alone.
  return made.instance ?? made;
}
