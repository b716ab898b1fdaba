// What the test wants to know of a page that does not tell: what goes over its WebSocket, and its uncaught errors.
// With ?websocket=none the browser has none.
var asked = new URLSearchParams(location.search);
var seen = { opened: 0, heartbeats: 0, calls: {}, messages: [], errors: [], sent: [], received: [] };
window.onerror = function (message) {
  seen.errors.push(message);
};
(function () {
  var Socket = window.WebSocket;
  if (asked.get("websocket") === "none") {
    delete window.WebSocket;
    return;
  }
  window.WebSocket = function (url, protocols) {
    var socket = protocols === undefined ? new Socket(url) : new Socket(url, protocols);
    var send = socket.send;
    seen.socket = socket;
    socket.send = function (text) {
      seen.sent.push(text);
      return send.call(socket, text);
    };
    socket.addEventListener("message", function (event) {
      seen.received.push(event.data);
    });
    return socket;
  };
  window.WebSocket.OPEN = Socket.OPEN;
})();
