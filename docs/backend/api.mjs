// Sessions by SwampDragon's own server. node api.mjs make VALUE | read KEY | end KEY
const ADMIN = process.env.SWAMP_DRAGON_ADMIN ?? "http://127.0.0.1:9998"; // admin_listen
const TOKEN = process.env.SWAMP_DRAGON_ADMIN_TOKEN;

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const answer = await fetch(ADMIN + path, { method, headers, body, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok && answer.status !== 404) throw new Error((await answer.json()).error);
  return answer;
}

async function make(value) {
  return (await (await ask("POST", "/sessions", value)).json()).session;
}

async function read(key) {
  const answer = await ask("GET", `/sessions/${key}`);
  return answer.ok ? answer.text() : null; // null: it has run out, or was ended
}

async function end(key) { // and close its pages
  return (await (await ask("POST", `/sessions/${key}/revoke`)).json()).existed;
}

const [what, argument] = process.argv.slice(2);
console.log(await { make, read, end }[what](argument));
