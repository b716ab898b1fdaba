"""sockjs-tornado with redis-py: python3 sockjs_tornado.py REDIS_PORT INTERVAL_MS"""

import asyncio
import json
import sys

from redis.asyncio import BlockingConnectionPool, Redis
from sockjs.tornado import SockJSConnection, SockJSRouter
from tornado.httpserver import HTTPServer
from tornado.ioloop import PeriodicCallback
from tornado.netutil import bind_sockets
from tornado.web import Application

redis_port, interval = map(int, sys.argv[1:])


class Connection(SockJSConnection):
    def on_open(self, request):
        self.timer = PeriodicCallback(lambda: self.send('{"heartbeat":"tick"}'), interval)
        self.timer.start()

    def on_message(self, message):
        session = json.loads(message)["session"]
        asyncio.ensure_future(redis.expire("swampdragon:session:" + session, 1800))

    def on_close(self):
        self.timer.stop()


async def main():
    global redis
    pool = BlockingConnectionPool(host="127.0.0.1", port=redis_port, max_connections=50, timeout=None)
    redis = Redis(connection_pool=pool)
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application(SockJSRouter(Connection, "/data").urls))
    server.add_sockets(sockets)
    print("listening on 127.0.0.1:%d" % sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
