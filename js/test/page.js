/** As much of a window as the client looks at: `happen(type)`, and what there is to see. Called before each test. */
export function openPage() {
  const page = new EventTarget();
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.document = { hidden: false };
  return (type) => page.dispatchEvent(new Event(type));
}

/** Takes it away again. */
export function closePage() {
  delete globalThis.addEventListener;
  delete globalThis.document;
  delete globalThis.navigator;
}
