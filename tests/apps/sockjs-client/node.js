import SockJS from "sockjs-client";
import { converse } from "./conversation.js";

const [server, transport] = process.argv.slice(2);
console.log(JSON.stringify(await converse(SockJS, server, transport)));
