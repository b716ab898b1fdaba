/**
 * The URL of a new session at a SockJS service, `SERVICE/SERVER/SESSION` (SockJS 0.3.3, "Base URL"), to which each
 * transport adds its name. Without a WebSocket, whoever guesses the session can read it and write to it.
 */
export function sessionUrl(service) {
  const [server, ...session] = crypto.getRandomValues(new Uint32Array(5));
  return `${service}/${100 + (server % 900)}/${session.join("")}`;
}
