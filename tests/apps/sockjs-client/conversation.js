// What a page does to keep its session, by SockJS's own client over one of its transports: makes a session, waits for a
// heartbeat, answers it, and hears what became of the session.
export function converse(SockJS, server, transport) {
  return new Promise((resolve, reject) => {
    const socket = new SockJS(`${server}/data`, null, { transports: [transport], timeout: 10000 });
    const send = (message) => socket.send(JSON.stringify(message));
    let session;
    socket.onopen = () =>
      send({ route: "session", verb: "save_get_key", args: { value: "ä\u2028" }, callbackname: "made" });
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.context?.client_callback_name === "made") {
        session = message.data.key;
      } else if (message.heartbeat && session) {
        send({ heartbeat: message.heartbeat, session, ack: true });
      } else if (message.state) {
        const result = { transport: socket.transport, state: message.state };
        socket.onclose = () => resolve(result);
        socket.close();
      }
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`${transport} closed: ${code} ${reason}`));
  });
}
