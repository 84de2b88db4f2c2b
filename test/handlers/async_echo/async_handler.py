"""An asynchronous handler: what comes later may be answered first."""

import asyncio

from ts.handler_utils.utils import send_intermediate_predict_response


class AsyncEcho:
    """Waits as long as the request says, and answers with its own request id."""

    async def initialize(self, ctx):
        await asyncio.sleep(0)
        self.loop = asyncio.get_running_loop()

    async def handle(self, data, context):
        assert asyncio.get_running_loop() is self.loop
        body = data[0]["body"]
        for number in range(body.get("chunks", 0)):
            await asyncio.sleep(0.01)
            send_intermediate_predict_response(
                [f"{number} "], context.request_ids, "chunk", 200, context
            )
        await asyncio.sleep(body["seconds"])
        return [f"{body['seconds']} {context.get_request_id()}"]
