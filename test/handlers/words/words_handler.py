"""Streams by both import paths of `send_intermediate_predict_response`."""

from ts.handler_utils.utils import send_intermediate_predict_response
from ts.protocol.otf_message_handler import (
    send_intermediate_predict_response as send_by_the_old_path,
)


def handle(data, context):
    """Sends two chunks and returns the last."""
    if data is None:
        return None
    context.set_response_content_type(0, "text/x-words")
    send_intermediate_predict_response(
        ["one "], context.request_ids, "Intermediate Prediction success", 200, context
    )
    send_by_the_old_path(
        [b"two "], context.request_ids, "Intermediate Prediction success", 200, context
    )
    return ["three"]
