"""The same with picows, which leaves closing and coming back to its user. Arguments: address, token."""

import asyncio
import json
import sys

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


class Listener(WSListener):
    def __init__(self, token: str) -> None:
        self.token = token
        self.code = 1006

    def on_ws_connected(self, transport: WSTransport) -> None:
        data = {"version": "13020", "name": "picows", "token": self.token}
        transport.send(WSMsgType.TEXT, json.dumps({"type": "handshake", "data": data}).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.code = int(frame.get_close_code())
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type == WSMsgType.TEXT:
            say(message=json.loads(frame.get_payload_as_utf8_text()))


async def main(address: str, token: str) -> None:
    while True:
        try:
            transport, listener = await ws_connect(lambda: Listener(token), address)
        except Exception:  # whatever refuses the upgrade: the server may be starting
            await asyncio.sleep(0.2)
            continue
        await transport.wait_disconnected()
        say(closed=listener.code)
        if listener.code >= 4500:
            return
        await asyncio.sleep(0.2)


asyncio.run(main(*sys.argv[1:]))
