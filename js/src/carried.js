/** The WebAssembly out of the text that `xtask/src/carried.rs` has made of it, and `bundle.js` puts here. */
export function carried() {
  // A loop over the string's characters takes the page five times as long.
  const bytes = new TextEncoder().encode(WASM_TEXT);
  let length = 0;
  let more = 0;
  bytes.forEach((code) => {
    if (code === 126) {
      more += 91;
    } else {
      bytes[length++] = code - 35 + more;
      more = 0;
    }
  });
  return bytes.subarray(0, length);
}
