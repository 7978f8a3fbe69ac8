"""The least that tells open pages anything: an asyncio server that writes what NATS says to every connection.

No sessions, no rights, no resuming, no limits: what the gateway's stream is held against.
"""

import asyncio
import json
import sys
from pathlib import Path

import nats
from nats.aio.msg import Msg

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: ok\n\n"


async def main(url: str, seed: str, port: int) -> None:
    """Serve until killed."""
    writers: set[asyncio.StreamWriter] = set()

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_HEAD)
        writers.add(writer)
        await reader.read()
        writers.discard(writer)
        writer.close()

    async def heard(message: Msg) -> None:
        event = json.loads(message.data)
        headers = message.headers or {}
        said = {"type": "content.item.submitted", "id": event["item_id"], "unit_id": event["unit_id"]}
        data = json.dumps({**said, "at": headers["ce-time"]}, separators=(",", ":"))
        body = f"id: {headers['Nats-Sequence']}\nevent: content.item.submitted\ndata: {data}\n\n".encode()
        for writer in writers:
            writer.write(body)

    client = await nats.connect(url, nkeys_seed_str=seed, inbox_prefix=b"_INBOX_gateway")
    await client.subscribe("heard.content.item.submitted.v1", cb=heard)
    server = await asyncio.start_server(page, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1], Path(sys.argv[2]).read_text().strip(), int(sys.argv[3])))
