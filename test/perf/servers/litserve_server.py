"""A LitServe server, one API process, as many workers as asked for."""

# LitServe reads the annotations as objects: no `from __future__ import annotations` here.
import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import litserve
from fastapi import Body, Response

parser = argparse.ArgumentParser()
parser.add_argument("--folder", type=Path, required=True)
parser.add_argument("--work", required=True)
parser.add_argument("--batch-size", type=int, required=True)
parser.add_argument("--batch-delay-ms", type=int, required=True)
parser.add_argument("--workers", type=int, required=True)
parser.add_argument("--models", type=int, required=True)
parser.add_argument("--port", type=int, required=True)
arguments = parser.parse_args()
sys.path.insert(0, str(arguments.folder))

from work import chunks, load_work  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

BinaryBody = Annotated[bytes, Body(media_type="application/octet-stream")]


class WorkAPI(litserve.LitAPI):  # type: ignore[misc,unused-ignore]
    """Bytes in, bytes out."""

    def setup(self, device: Any) -> None:
        """Load the model."""
        self._work = load_work(arguments.work, arguments.folder)

    def decode_request(self, request: BinaryBody) -> bytes:
        """Take the body as it is."""
        return request

    def batch(self, inputs: Any) -> Any:
        """Leave a batch a list."""
        return inputs

    def unbatch(self, output: Any) -> Any:
        """Leave the answers a list."""
        return output

    def predict(self, inputs: Any) -> Any:
        """Answer one body, or a list of them if batches are on."""
        if arguments.batch_size > 1:
            return self._work.answer(inputs)
        return self._work.answer([inputs])[0]

    def encode_response(self, output: Any) -> Response:
        """Give the answer as it is."""
        return Response(bytes(output), media_type="application/octet-stream")


class StreamAPI(litserve.LitAPI):  # type: ignore[misc,unused-ignore]
    """Streams the chunks."""

    def setup(self, device: Any) -> None:
        """Load nothing."""

    def decode_request(self, request: BinaryBody) -> bytes:
        """Take the body as it is."""
        return request

    def predict(self, inputs: Any) -> Iterator[str]:
        """Yield the chunks."""
        yield from chunks()

    # Without a type of what it returns, which LitServe would take for the type of the answer.
    def encode_response(self, output: Iterator[str]):  # type: ignore[no-untyped-def]
        """Give the chunks as they are."""
        yield from output


def make_api(index: int) -> Any:
    """Return the API of one model."""
    path = f"/predictions/m{index}"
    if arguments.work == "stream":
        return StreamAPI(stream=True, api_path=path)
    delay_sec = arguments.batch_delay_ms / 1000 if arguments.batch_size > 1 else 0.0
    return WorkAPI(max_batch_size=arguments.batch_size, batch_timeout=delay_sec, api_path=path)


if __name__ == "__main__":
    server = litserve.LitServer(
        [make_api(index) for index in range(arguments.models)],
        accelerator="cpu",
        workers_per_device=arguments.workers,
        disable_openapi_url=True,
    )
    server.run(
        host="127.0.0.1",
        port=arguments.port,
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
