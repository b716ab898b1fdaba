// Uses the whole of the package's types the way a page does; `tsc --strict` is the test.
import { SwampDragon, type CallError, type Options, type Reply } from "swampdragon";
import init, { SwampDragon as Explicit } from "swampdragon/init";
import { SwampDragon as Inline } from "swampdragon/inline";

interface News {
  title: string;
}

const options: Options = {
  storage: "local",
  reconnectDelayMs: 100,
  transports: ["websocket", "xhr-polling"],
  keepAlive: { activeWithin: 1_800_000 },
  share: true,
  onopen() {
    this.onheartbeat?.();
  },
  onclose(event) {
    const code: number = event.code;
    console.log(code, event.reconnecting);
  },
  onchannelmessage(channels, publication) {
    console.log(channels.indexOf("news"), publication.action);
  },
  onsession({ session, state, ttl }) {
    console.log(session === null ? "bound" : session.length, state === "active" ? ttl : undefined);
  },
};

const dragon = new SwampDragon(options);
dragon.session = "0f8fad5bd9cb469fa16570867728950e";
dragon.session = null;
dragon.connect("https://example.com", "data");
dragon.connect();
dragon.rebind();

const reply: Reply<News[]> = await dragon.get_list<News[]>("news");
console.log(reply.data[0]?.title, reply.context.state);

const nothing: void = dragon.callRouter("get_list", "news", {}, "newsArrived");
dragon.on<News[]>("newsArrived", (context, data) => console.log(context.verb, data.length));
dragon.subscribe("news", {}, null, "news").catch((error: CallError) => console.log(error.code, nothing));

const loggedOut: Promise<void> = dragon.logout();
await loggedOut.catch((error: CallError) => console.log(error.code === "refused" && error.data));

// @ts-expect-error A session key is text.
dragon.session = 12;
// @ts-expect-error The connection's state is not the page's to change.
dragon.isReady = true;
// @ts-expect-error There is no such place.
new SwampDragon({ storage: "cookie" });

// @ts-expect-error There is no such policy.
new SwampDragon({ keepAlive: "never" });

// @ts-expect-error There is no such transport.
new SwampDragon({ transports: ["jsonp-polling"] });

await init(new URL("./swampdragon.wasm", import.meta.url));
new Explicit();
new Inline().disconnect();
