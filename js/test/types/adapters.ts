// Uses the adapters' types the way pages do; `tsc --strict` is the test.
import angular from "angular";
import { SwampDragon, type ChannelMessages, type Publication } from "swampdragon";
import SwampDragonServices, { configure, type DataService, type Dragon, type Failure } from "swampdragon/angularjs";
import { DataMapper, type ChannelMap } from "swampdragon/datamapper";
import singleton, { swampdragon, type Stop } from "swampdragon/singleton";
import { VanillaDragon, type Answer } from "swampdragon/vanilla";

interface News {
  id: number;
  title: string;
}

const dragon = new SwampDragon({ restoreSubscriptions: false });
const messages: ChannelMessages<News> = dragon.channel<News>("front", { buffer: 16 });
for await (const { action, data } of messages) {
  console.log(action === "created" ? data.title : messages.dropped);
}
const { value }: IteratorResult<Publication<News>, undefined> = await messages.next();
console.log(value?.data.title);

const vanilla = new VanillaDragon({ host: "https://example.com", endpoint: "/data", onheartbeat() {} });
const listed: Answer<News[]> = (context, data) => console.log(context.state, context.code, data[0]?.title);
const nothing: void = vanilla.getList("news", {}, listed, (context, errors) => console.log(context.state, errors));
vanilla.getPagedList("news", { by: "date" }, 2, listed);
vanilla.subscribe("news", "front", { by: "date" }, () => {});
vanilla.delete("news", { id: 1 }, null, (context) => console.log(context.code));
const list: News[] = (await vanilla.getList<News[]>("news")).data;
vanilla.session = vanilla.swampDragon.session;
console.log(list, nothing, vanilla.isReady);

swampdragon.configure({ host: "https://example.com", reconnectDelayMs: 100 });
const stop: Stop = swampdragon.onChannelMessage<News>((channels, { data }) => console.log(channels[0], data.title));
swampdragon.ready(() => swampdragon.subscribe("news", "front", {}, () => stop()));
swampdragon.close(({ code, reconnecting }) => console.log(code, reconnecting));
singleton.callRouter<number>("add_one", "demo", { number: 41 }, (_, data) => console.log(data + 1), null, "front");

configure({ host: "https://example.com" });
angular.module("app", [SwampDragonServices]).controller("news", [
  "$scope",
  "$dragon",
  "dataService",
  ($scope: angular.IScope & { news: News[] }, $dragon: Dragon, dataService: DataService) => {
    dataService.getList<News[]>("news").then(
      ({ data }) => ($scope.news = data),
      ({ errors, code }: Failure) => console.log(errors, code),
    );
    $scope.$on("handleChannelMessage", (_, channels: string[], { data }: Publication<News>) => $scope.news.push(data));
    $dragon.onReady(() => $dragon.subscribe("news", "front"));
    $dragon.onChannelMessage<News>((channels, { data }) => console.log(channels, data.title));
    $dragon.session = "0f8fad5bd9cb469fa16570867728950e";
    console.log($dragon.swampDragon?.isReady);
  },
]);

const maps: ChannelMap[] = [{ parent_type: "list", child_type: "news", prop_name: "news", is_collection: true, via: "list_id" }];
const mapper = new DataMapper(maps);
const mapped: News[] = mapper.mapData(list, { action: "created", data: { id: 1, _type: "news" } });
dragon.settings.onchannelmessage = (_, publication) => mapper.mapData(mapped, publication);

// @ts-expect-error A buffer without bounds is none.
dragon.channel("front", { buffer: "all" });
// @ts-expect-error The channel comes before the arguments.
vanilla.subscribe("news", {}, "front");
// @ts-expect-error A callback is a function.
vanilla.getList("news", {}, "listed");
// @ts-expect-error A map says where the children are.
new DataMapper([{ parent_type: "list", child_type: "news" }]);
// @ts-expect-error A server is named by its URL.
swampdragon.configure({ host: new URL("https://example.com") });
