"""uvicorn with websockets, uvloop and redis-py: python3 uvicorn_websockets.py REDIS_PORT INTERVAL_MS"""

import asyncio
import json
import socket
import sys

import uvicorn
from redis.asyncio import BlockingConnectionPool, Redis

redis_port, interval = map(int, sys.argv[1:])
redis = None


async def beat(send):
    while True:
        await asyncio.sleep(interval / 1000)
        await send({"type": "websocket.send", "text": '{"heartbeat":"tick"}'})


async def app(scope, receive, send):
    global redis
    if scope["type"] != "websocket":
        return
    if redis is None:
        pool = BlockingConnectionPool(host="127.0.0.1", port=redis_port, max_connections=50, timeout=None)
        redis = Redis(connection_pool=pool)
    await receive()
    await send({"type": "websocket.accept"})
    heartbeats = asyncio.ensure_future(beat(send))
    try:
        while (event := await receive())["type"] == "websocket.receive":
            session = json.loads(event["text"])["session"]
            await redis.expire("swampdragon:session:" + session, 1800)
    finally:
        heartbeats.cancel()


listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
# Without --log-level and the two others, uvicorn writes a line for each connection and pings each every 20 s.
config = uvicorn.Config(app, ws="websockets", loop="uvloop", lifespan="off", log_level="warning", ws_ping_interval=None)
uvicorn.Server(config).run(sockets=[listener])
