"""What handlers import to serve the OpenAI API: messages in, tokens out; texts in, vectors out.

A handler is a class on `OpenAIHandler` (one generator for each request, many at once) or on
`StepHandler` (one step for all requests that run: continuous batching). Both read and check the
requests, count tokens, find stops, and write the responses, whole or as server-sent events. The
page docs/llm.md is the guide.
"""

from ts.openai._embeddings import embeddings_response
from ts.openai._errors import OpenAIError, error_result
from ts.openai._generators import OpenAIHandler
from ts.openai._requests import ChatRequest, CompletionRequest, EmbeddingRequest, Message, Sampling
from ts.openai._routes import CHAT, COMPLETIONS, EMBEDDINGS
from ts.openai._steps import StepHandler
from ts.openai._tokens import Embeddings, Token

__all__ = [
    "CHAT",
    "COMPLETIONS",
    "EMBEDDINGS",
    "ChatRequest",
    "CompletionRequest",
    "EmbeddingRequest",
    "Embeddings",
    "Message",
    "OpenAIError",
    "OpenAIHandler",
    "Sampling",
    "StepHandler",
    "Token",
    "embeddings_response",
    "error_result",
]
