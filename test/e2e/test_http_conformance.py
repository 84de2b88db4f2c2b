"""What RFC 9110 and RFC 9112 demand of an origin server, one line per demand, by raw sockets.

A line is a name, the section that demands it, what is sent, the status that must come, and whether
the connection is then open (the next request is answered) or closed (nothing more comes, and no
reset, so that the client sees the answer). Those that refuse a request which two servers could read
differently are the table of request smuggling.
"""

# ruff: noqa: E501 - one demand is one line of a table

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import pytest
from raw_http import Connection
from torchserve_process import TorchServe, wait_for

OPEN, CLOSED = "open", "closed"

PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLED = PING.replace(b"ping", b"smuggled")
PREDICT = b"POST /predictions/commands HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n"


@dataclass(frozen=True)
class Line:
    """One demand."""

    name: str
    section: str
    data: bytes
    status: int
    then: str


def get(*headers: bytes, target: bytes = b"/ping", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join([b"GET %s %s" % (target, version), *headers, b"", b""])


def request(method: str, path: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def order(body: bytes, *headers: bytes) -> bytes:
    """Tells the misbehaving handler what to do."""
    more = b"".join(b"\r\n" + header for header in (b"Content-Type: application/json", *headers))
    return length(b"%d" % len(body) + more, body)


def host(value: bytes) -> bytes:
    return get(b"Host: " + value)


def target(value: bytes) -> bytes:
    return get(b"Host: x", target=value)


def version(value: bytes) -> bytes:
    return get(b"Host: x", version=value)


def length(value: bytes, body: bytes = b"{}") -> bytes:
    return PREDICT + b"Content-Length: " + value + b"\r\n\r\n" + body


def coded(header: bytes, body: bytes = LAST) -> bytes:
    return PREDICT + header + b"\r\n" + body


def chunks(body: bytes) -> bytes:
    return coded(CHUNKED, body)


FRAMING = [
    # Content-Length
    Line("length", "9112 6.3", length(b"2"), 200, OPEN),
    Line("length with blanks around", "9110 5.5", length(b" 2\t"), 200, OPEN),
    Line("length with leading zeros", "9110 8.6", length(b"0002"), 200, OPEN),
    Line("no length is no body", "9112 6.3", PREDICT + b"\r\n", 200, OPEN),
    Line("length plus", "9110 8.6", length(b"+2"), 400, CLOSED),
    Line("length minus", "9110 8.6", length(b"-2"), 400, CLOSED),
    Line("length hex", "9110 8.6", length(b"0x2"), 400, CLOSED),
    Line("length with a blank inside", "9110 8.6", length(b"2 2"), 400, CLOSED),
    Line("length list", "9110 8.6", length(b"2, 2"), 400, CLOSED),
    Line("length list that differs", "9112 6.3", length(b"2, 3"), 400, CLOSED),
    Line("length empty", "9110 8.6", length(b""), 400, CLOSED),
    Line("length fraction", "9110 8.6", length(b"2.0"), 400, CLOSED),
    Line("length in other digits", "9110 8.6", length("٢".encode()), 400, CLOSED),
    Line("length beyond 64 bits", "9110 8.6", length(b"18446744073709551618"), 400, CLOSED),
    Line("length of many digits", "9110 8.6", length(b"9" * 300), 400, CLOSED),
    Line("length beyond the limit", "9110 15.5.14", length(b"9223372036854775807"), 413, CLOSED),
    Line("length twice", "9112 6.3", length(b"2\r\nContent-Length: 2"), 400, CLOSED),
    Line("length twice, different", "9112 6.3", length(b"2\r\nContent-Length: 3"), 400, CLOSED),
    # Both, in either order and with bad values of either.
    Line("both lengths", "9112 6.1", coded(b"Content-Length: 5\r\n" + CHUNKED), 400, CLOSED),
    Line("both lengths, chunked first", "9112 6.1", coded(CHUNKED + b"Content-Length: 5\r\n"), 400, CLOSED),
    Line("both lengths, zero", "9112 6.1", coded(CHUNKED + b"Content-Length: 0\r\n", LAST + SMUGGLED), 400, CLOSED),
    Line("both lengths, bad length", "9112 6.1", coded(CHUNKED + b"Content-Length: x\r\n"), 400, CLOSED),
    # Transfer-Encoding
    Line("chunked", "9112 6.1", chunks(b"2\r\n{}\r\n" + LAST), 200, OPEN),
    Line("chunked in another case", "9112 7", coded(b"Transfer-Encoding: CHUNKED\r\n"), 200, OPEN),
    Line("unknown coding", "9112 6.1", coded(b"Transfer-Encoding: gzip, chunked\r\n"), 501, CLOSED),
    Line("unknown coding in its own line", "9112 6.1", coded(b"Transfer-Encoding: gzip\r\n" + CHUNKED), 501, CLOSED),
    Line("chunked not last", "9112 6.3", coded(b"Transfer-Encoding: chunked, identity\r\n"), 400, CLOSED),
    Line("chunked not last, own line", "9112 6.3", coded(CHUNKED + b"Transfer-Encoding: identity\r\n"), 400, CLOSED),
    Line("only another coding", "9112 6.3", coded(b"Transfer-Encoding: gzip\r\n"), 400, CLOSED),
    Line("identity", "9112 6.3", coded(b"Transfer-Encoding: identity\r\n"), 400, CLOSED),
    Line("xchunked", "9112 6.3", coded(b"Transfer-Encoding: xchunked\r\n"), 400, CLOSED),
    Line("chunkedx", "9112 6.3", coded(b"Transfer-Encoding: chunkedx\r\n"), 400, CLOSED),
    Line("chunked twice", "9112 6.1", coded(b"Transfer-Encoding: chunked, chunked\r\n"), 400, CLOSED),
    Line("chunked twice, own lines", "9112 6.1", coded(CHUNKED + CHUNKED), 400, CLOSED),
    Line("chunked with a parameter", "9112 7.1", coded(b"Transfer-Encoding: chunked;q=1\r\n"), 400, CLOSED),
    Line("chunked in quotes", "9112 7", coded(b'Transfer-Encoding: "chunked"\r\n'), 400, CLOSED),
    Line("coding empty", "9112 6.1", coded(b"Transfer-Encoding: \r\n"), 400, CLOSED),
    Line("coding with a leading comma", "9112 6.1", coded(b"Transfer-Encoding: , chunked\r\n"), 400, CLOSED),
    Line("vertical tab before chunked", "9112 6.1", coded(b"Transfer-Encoding: \x0bchunked\r\n"), 400, CLOSED),
    Line("vertical tab after chunked", "9112 6.1", coded(b"Transfer-Encoding: chunked\x0b\r\n"), 400, CLOSED),
    Line("NUL after chunked", "9112 6.1", coded(b"Transfer-Encoding: chunked\x00\r\n"), 400, CLOSED),
    Line("other letters that fold to k", "9112 6.1", coded("Transfer-Encoding: chun\u212aed\r\n".encode()), 400, CLOSED),
    Line("folded chunked", "9112 5.2", coded(b"Transfer-Encoding:\r\n chunked\r\n"), 400, CLOSED),
    Line("folded identity, chunked", "9112 5.2", coded(b"Transfer-Encoding: identity,\r\n chunked\r\n"), 400, CLOSED),
    Line("blank before the colon of chunked", "9112 5.1", coded(b"Transfer-Encoding : chunked\r\n"), 400, CLOSED),
    Line("blank before the colon of length", "9112 5.1", PREDICT + b"Content-Length : 2\r\n\r\n{}", 400, CLOSED),
    Line("underscore is another header", "9110 5.1", coded(b"Transfer_Encoding: chunked\r\n", b""), 200, OPEN),
    Line("chunked in HTTP/1.0", "9112 6.1", b"POST /predictions/commands HTTP/1.0\r\n" + CHUNKED + b"\r\n" + LAST, 400, CLOSED),
    # Chunks
    Line("chunk extension", "9112 7.1.1", chunks(b'2;a=b;c="d"\r\n{}\r\n' + LAST), 200, OPEN),
    Line("chunk extension without end", "9112 7.1.1", chunks(b"2;" + b"a" * 200_000), 400, CLOSED),
    Line("chunk extension with a line feed", "9112 7.1.1", chunks(b"2;\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size in capitals and zeros", "9112 7.1", chunks(b"000002\r\n{}\r\n" + LAST), 200, OPEN),
    Line("chunk size missing", "9112 7.1", chunks(b"\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size no number", "9112 7.1", chunks(b"zz\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size minus", "9112 7.1", chunks(b"-2\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size plus", "9112 7.1", chunks(b"+2\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size 0x", "9112 7.1", chunks(b"0x2\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size underscore", "9112 7.1", chunks(b"0_2\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size with a blank inside", "9112 7.1", chunks(b"0 2\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size with a leading blank", "9112 7.1", chunks(b" 2\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size beyond 32 bits", "9112 7.1", chunks(b"100000002\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size beyond 64 bits", "9112 7.1", chunks(b"10000000000000002\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size NUL", "9112 7.1", chunks(b"2\x00\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk longer than its size", "9112 7.1", chunks(b"1\r\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk ended by a line feed", "9112 7.1", chunks(b"2\r\n{}\n" + LAST), 400, CLOSED),
    Line("chunk ended by a carriage return", "9112 7.1", chunks(b"2\r\n{}\rX" + LAST), 400, CLOSED),
    Line("chunk size ended by a line feed", "9112 7.1", chunks(b"2\n{}\r\n" + LAST), 400, CLOSED),
    Line("chunk size ended by a carriage return", "9112 7.1", chunks(b"2\rX{}\r\n" + LAST), 400, CLOSED),
    Line("last chunk ended by a line feed", "9112 7.1", chunks(b"2\r\n{}\r\n0\n\n"), 400, CLOSED),
    Line("trailer", "9112 7.1.2", chunks(b"2\r\n{}\r\n0\r\nA: b\r\n\r\n"), 200, OPEN),
    Line("trailer that is forbidden", "9110 6.5.1", chunks(b"2\r\n{}\r\n0\r\nContent-Length: 9\r\nHost: y\r\n\r\n"), 200, OPEN),
    Line("trailer without a colon", "9112 7.1.2", chunks(b"2\r\n{}\r\n0\r\nbad\r\n\r\n"), 400, CLOSED),
    Line("trailer without end", "9112 7.1.2", chunks(b"2\r\n{}\r\n0\r\nA: " + b"a" * 200_000), 400, CLOSED),
    Line("trailers without number", "9112 7.1.2", chunks(b"2\r\n{}\r\n0\r\n" + b"A: b\r\n" * 20_000), 400, CLOSED),
    # A body where none belongs is read by its length and thrown away.
    Line("GET with a body", "9110 9.3.1", get(b"Host: x", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED, 200, OPEN),
]  # fmt: skip

MESSAGES = [
    # Host
    Line("host missing", "9112 3.2", get(), 400, CLOSED),
    Line("host twice", "9112 3.2", get(b"Host: x", b"Host: y"), 400, CLOSED),
    Line("host twice, equal", "9112 3.2", get(b"Host: x", b"host: x"), 400, CLOSED),
    Line("host empty", "9110 7.2", host(b""), 200, OPEN),
    Line("host with a port", "9110 7.2", host(b"box:8080"), 200, OPEN),
    Line("host with an empty port", "9110 4.2", host(b"box:"), 200, OPEN),
    Line("host IPv4", "9110 7.2", host(b"127.0.0.1:80"), 200, OPEN),
    Line("host IPv6", "9110 7.2", host(b"[::1]:8080"), 200, OPEN),
    Line("host with an underscore", "9110 7.2", host(b"my_service-1"), 200, OPEN),
    Line("host with a blank", "9112 3.2", host(b"a b"), 400, CLOSED),
    Line("host with a slash", "9112 3.2", host(b"a/b"), 400, CLOSED),
    Line("host with user info", "9112 3.2", host(b"u:p@a"), 400, CLOSED),
    Line("host list", "9112 3.2", host(b"a, b"), 400, CLOSED),
    Line("host with a port of letters", "9112 3.2", host(b"a:b"), 400, CLOSED),
    Line("host with two ports", "9112 3.2", host(b"a:1:2"), 400, CLOSED),
    Line("host with an open bracket", "9112 3.2", host(b"[::1"), 400, CLOSED),
    Line("host with text after the bracket", "9112 3.2", host(b"[::1]x"), 400, CLOSED),
    Line("host with bytes beyond ASCII", "9112 3.2", host("münchen".encode()), 400, CLOSED),
    Line("HTTP/1.0 without a host", "9112 3.2", get(version=b"HTTP/1.0"), 200, CLOSED),
    Line("HTTP/1.0 with two hosts", "9112 3.2", get(b"Host: x", b"Host: y", version=b"HTTP/1.0"), 400, CLOSED),
    # Header fields
    Line("folded header", "9112 5.2", get(b"Host: x", b"A: b", b" c"), 400, CLOSED),
    Line("header folded by a tab", "9112 5.2", get(b"Host: x", b"A: b", b"\tc"), 400, CLOSED),
    Line("header folded by nothing but a blank", "9112 5.2", get(b"Host: x", b"A: b", b" "), 400, CLOSED),
    Line("blank before the first header", "9112 2.2", get(b" Host: x"), 400, CLOSED),
    Line("blank before the first header of two", "9112 2.2", get(b" A: b", b"Host: x"), 400, CLOSED),
    Line("blank before the colon", "9112 5.1", get(b"Host: x", b"A : b"), 400, CLOSED),
    Line("tab before the colon", "9112 5.1", get(b"Host: x", b"A\t: b"), 400, CLOSED),
    Line("no colon", "9112 5", get(b"Host: x", b"Abc"), 400, CLOSED),
    Line("empty name", "9110 5.1", get(b"Host: x", b": b"), 400, CLOSED),
    Line("blank in a name", "9110 5.1", get(b"Host: x", b"A b: c"), 400, CLOSED),
    Line("separator in a name", "9110 5.1", get(b"Host: x", b"A(b): c"), 400, CLOSED),
    Line("NUL in a name", "9110 5.1", get(b"Host: x", b"A\x00: c"), 400, CLOSED),
    Line("byte beyond ASCII in a name", "9110 5.1", get(b"Host: x", b"\xc3\xa4: c"), 400, CLOSED),
    Line("NUL in a value", "9110 5.5", get(b"Host: x", b"A: b\x00c"), 400, CLOSED),
    Line("carriage return in a value", "9110 5.5", get(b"Host: x", b"A: b\rc"), 400, CLOSED),
    Line("carriage returns before the end", "9112 2.2", get(b"Host: x", b"A: b\r"), 400, CLOSED),
    Line("bytes beyond ASCII in a value", "9110 5.5", get(b"Host: x", b"A: \xc3\xa4\xff"), 200, OPEN),
    Line("empty value", "9110 5.5", get(b"Host: x", b"A:"), 200, OPEN),
    Line("no blank after the colon", "9112 5", get(b"Host:x", b"A:b"), 200, OPEN),
    Line("lines ended by line feeds", "9112 2.2", PING.replace(b"\r\n", b"\n"), 400, CLOSED),
    Line("one line ended by a line feed", "9112 2.2", get(b"Host: x\nA: b"), 400, CLOSED),
    Line("empty line ended by a line feed", "9112 2.2", PING[:-2] + b"\n", 400, CLOSED),
    Line("empty lines before the request", "9112 2.2", b"\r\n\r\n" + PING, 200, OPEN),
    Line("header block too large", "6585 5", get(b"Host: x", b"A: " + b"a" * 9000), 431, CLOSED),
    Line("headers too many bytes", "6585 5", get(b"Host: x", *[b"A: " + b"a" * 90] * 100), 431, CLOSED),
    Line("header without end", "6585 5", b"GET /ping HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000, 431, CLOSED),
    Line("headers too many", "6585 5", get(b"Host: x", *[b"A:"] * 1100), 431, CLOSED),
    # Start line: version
    Line("HTTP/1.0", "9112 9.3", get(b"Host: x", version=b"HTTP/1.0"), 200, CLOSED),
    Line("HTTP/1.2", "9110 2.5", version(b"HTTP/1.2"), 200, OPEN),
    Line("HTTP/1.9", "9110 2.5", version(b"HTTP/1.9"), 200, OPEN),
    Line("HTTP/1.10", "9112 2.3", version(b"HTTP/1.10"), 400, CLOSED),
    Line("HTTP/2.0", "9110 15.6.6", version(b"HTTP/2.0"), 505, CLOSED),
    Line("HTTP/3.0", "9110 15.6.6", version(b"HTTP/3.0"), 505, CLOSED),
    Line("HTTP/0.9", "9110 15.6.6", version(b"HTTP/0.9"), 505, CLOSED),
    Line("the preface of HTTP/2 with a body too many", "9110 15.6.6", b"PRI * HTTP/2.0\r\nHost: x\r\n\r\n", 505, CLOSED),
    Line("version in small letters", "9112 2.3", version(b"http/1.1"), 400, CLOSED),
    Line("version of another protocol", "9112 2.3", version(b"ICY/1.1"), 400, CLOSED),
    Line("version without minor", "9112 2.3", version(b"HTTP/1"), 400, CLOSED),
    Line("version with text after it", "9112 3", version(b"HTTP/1.1 x"), 400, CLOSED),
    Line("version missing", "9112 3", b"GET /ping\r\nHost: x\r\n\r\n", 400, CLOSED),
    Line("version with a sign", "9112 2.3", version(b"HTTP/+1.1"), 400, CLOSED),
    # Start line: method
    Line("unknown method", "9110 9.1", request("BREW", "/ping"), 501, OPEN),
    Line("method in small letters", "9110 9.1", request("get", "/ping"), 501, OPEN),
    Line("method that is no token", "9110 9.1", request("G@T", "/ping"), 400, CLOSED),
    Line("no method", "9112 3", request("", "/ping"), 400, CLOSED),
    Line("TRACE", "9110 9.3.8", request("TRACE", "/ping"), 405, OPEN),
    Line("PATCH", "9110 15.5.6", request("PATCH", "/ping"), 405, OPEN),
    Line("DELETE", "9110 15.5.6", request("DELETE", "/ping"), 405, OPEN),
    Line("CONNECT", "9110 9.3.6", b"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n", 501, CLOSED),
    Line("empty start line with blanks", "9112 3", b"   \r\n\r\n", 400, CLOSED),
    Line("garbage", "9112 2.2", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, CLOSED),
    # Start line: target
    Line("absolute form", "9112 3.2.2", target(b"http://box/ping"), 200, OPEN),
    Line("absolute form with another host", "9112 3.2.2", get(b"Host: a.stranger.example", target=b"http://box:81/ping"), 200, OPEN),
    Line("the host of an absolute form counts", "9112 3.2.2", get(b"Host: box", target=b"http://a.stranger.example/ping"), 403, OPEN),
    Line("absolute form of https", "9112 3.2.2", target(b"HTTPS://box/ping"), 200, OPEN),
    Line("absolute form without a host header", "9112 3.2.2", get(target=b"http://example.org/ping"), 400, CLOSED),
    Line("absolute form without an authority", "9110 4.2.1", target(b"http:///ping"), 400, OPEN),
    Line("absolute form with user info", "9110 4.2.4", target(b"http://u@example.org/ping"), 400, OPEN),
    Line("absolute form of another scheme", "9112 3.2", target(b"ftp://example.org/ping"), 400, OPEN),
    Line("authority form", "9112 3.2.3", target(b"example.org:80"), 400, OPEN),
    Line("relative target", "9112 3.2", target(b"ping"), 400, OPEN),
    Line("asterisk", "9112 3.2.4", request("OPTIONS", "*"), 204, OPEN),
    Line("asterisk with another method", "9112 3.2.4", target(b"*"), 400, OPEN),
    Line("query", "9110 4.2", target(b"/ping?a=b;c&d"), 200, OPEN),
    Line("escaped letters", "9110 4.2.3", target(b"/%70ing"), 200, OPEN),
    Line("bad escape", "3986 2.1", target(b"/ping%zz"), 400, OPEN),
    Line("cut escape", "3986 2.1", target(b"/ping%7"), 400, OPEN),
    Line("escape with a sign", "3986 2.1", target(b"/ping%+1"), 400, OPEN),
    Line("bad escape in the query", "3986 2.1", target(b"/ping?a=%zz"), 400, OPEN),
    Line("escaped slash stays in its segment", "3986 2.2", target(b"/predictions%2fcats"), 404, OPEN),
    Line("escaped NUL", "3986 7.3", target(b"/ping%00"), 404, OPEN),
    Line("dot segments are names", "3986 6.2.2.3", target(b"/predictions/../ping"), 400, OPEN),
    Line("escaped dot segments are names", "3986 6.2.2.3", target(b"/predictions/%2e%2e/ping"), 400, OPEN),
    Line("empty segments count", "http-api 2.1", target(b"//ping"), 404, OPEN),
    Line("trailing slashes do not", "http-api 2.1", target(b"/ping///"), 200, OPEN),
    Line("blank in the target", "9112 3", target(b"/pi ng"), 400, CLOSED),
    Line("NUL in the target", "9112 3.2", target(b"/ping\x00"), 400, CLOSED),
    Line("carriage return in the target", "9112 3.2", target(b"/ping\r"), 400, CLOSED),
    Line("control in the target", "9112 3.2", target(b"/ping\x07"), 400, CLOSED),
    Line("two blanks in the start line", "9112 3", b"GET  /ping HTTP/1.1\r\nHost: x\r\n\r\n", 400, CLOSED),
    Line("tab in the start line", "9112 3", b"GET\t/ping\tHTTP/1.1\r\nHost: x\r\n\r\n", 400, CLOSED),
    Line("target too long", "9112 3", target(b"/" + b"a" * 9000), 414, CLOSED),
    Line("start line without end", "9112 3", b"GET /" + b"a" * 200_000, 414, CLOSED),
    # Connection
    Line("close", "9112 9.6", get(b"Host: x", b"Connection: close"), 200, CLOSED),
    Line("close in a list", "9112 9.6", get(b"Host: x", b"Connection: te, Close"), 200, CLOSED),
    Line("close in a line of its own", "9112 9.6", get(b"Host: x", b"Connection: te", b"Connection: close"), 200, CLOSED),
    Line("close with an error", "9112 9.6", get(b"Host: x", b"Connection: close", target=b"/nowhere"), 404, CLOSED),
    Line("keep-alive", "9112 9.3", get(b"Host: x", b"Connection: keep-alive"), 200, OPEN),
    Line("keep-alive in HTTP/1.0", "9112 9.3", get(b"Connection: Keep-Alive", version=b"HTTP/1.0"), 200, OPEN),
    Line("keep-alive in HTTP/1.0 with an error", "9112 9.3", get(b"Connection: Keep-Alive", version=b"HTTP/1.0", target=b"/nowhere"), 404, OPEN),
    Line("upgrade is ignored", "9110 7.8", get(b"Host: x", b"Connection: Upgrade", b"Upgrade: websocket"), 200, OPEN),
    # Expect
    Line("expectation in another case", "9110 10.1.1", get(b"Host: x", b"Expect: 100-Continue"), 200, OPEN),
    Line("expectation of HTTP/1.0 is ignored", "9110 10.1.1", get(b"Expect: 100-continue", b"Connection: keep-alive", version=b"HTTP/1.0"), 200, OPEN),
    Line("unknown expectation", "9110 10.1.1", get(b"Host: x", b"Expect: magic"), 417, CLOSED),
    # What is asked for and not there is left out
    Line("range is ignored", "9110 14.2", get(b"Host: x", b"Range: bytes=0-1"), 200, OPEN),
    Line("accept-encoding is ignored", "9110 12.5.3", get(b"Host: x", b"Accept-Encoding: br;q=1, *;q=0"), 200, OPEN),
    Line("accept is ignored", "9110 12.5.1", get(b"Host: x", b"Accept: image/png"), 200, OPEN),
    Line("conditions are ignored", "9110 13.2.1", get(b"Host: x", b'If-Match: "a"', b"If-None-Match: *"), 200, OPEN),
]  # fmt: skip


def named(lines: list[Line]) -> list[object]:
    return [pytest.param(line, id=f"{line.section}: {line.name}") for line in lines]


@pytest.mark.parametrize("line", named(FRAMING + MESSAGES))
def test_demand(server: TorchServe, line: Line) -> None:
    with Connection(server.inference_port) as client:
        try:
            client.send(line.data)
            if line.then == CLOSED:
                client.send(SMUGGLED)
        except ConnectionError:
            pytest.fail("reset before everything was sent")
        answer = client.read()
        assert answer.status == line.status, answer
        check_head(answer.headers)
        if line.then == CLOSED:
            assert answer.headers["connection"] == "close"
            client.socket.shutdown(socket.SHUT_WR)
            assert client.ends(), "an answer to what must not be taken for a request"
        else:
            assert answer.headers["connection"] == "keep-alive"
            client.send(PING)
            assert b"Healthy" in client.read().body


def connect(server: TorchServe, listener: str) -> Connection:
    inference = listener == "inference"
    return Connection(server.inference_port if inference else server.management_port)


def check_head(headers: dict[str, str]) -> None:
    """What every answer says."""
    when = parsedate_to_datetime(headers["date"])
    assert headers["date"] == when.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", headers["x-request-id"])
    if "transfer-encoding" in headers:
        assert "content-length" not in headers


def test_nothing_was_smuggled(server: TorchServe) -> None:
    assert "/smuggled" not in server.log("access_log.log")


@pytest.mark.parametrize(
    ("listener", "path"),
    [
        ("inference", "/ping"),
        ("inference", "/api-description"),
        ("inference", "/predictions/commands"),
        ("inference", "/v1/models/commands"),
        ("management", "/models"),
        ("management", "/models/commands"),
        ("management", "/models/commands/all"),
        ("management", "/nowhere"),
        ("management", "/models/cats"),
    ],
)
def test_head_answers_as_get_without_the_body(server: TorchServe, listener: str, path: str) -> None:
    with connect(server, listener) as client:
        client.send(request("GET", path))
        full = client.read()
        client.send(request("HEAD", path))
        head = client.read("HEAD")
        assert head.status == full.status
        assert set(head.headers) == set(full.headers)
        assert head.headers["content-type"] == full.headers["content-type"]
        if not path.startswith("/models/commands"):  # its memory changes, and how long that is
            assert head.headers["content-length"] == full.headers["content-length"]
        client.send(request("GET", path))
        assert client.read().status == full.status, "HEAD had a body"


@pytest.mark.parametrize(
    ("listener", "path", "wrong"),
    [
        ("inference", "/", "GET"),
        ("inference", "/ping", "DELETE"),
        ("inference", "/predictions/commands", "DELETE"),
        ("inference", "/v1/models/commands", "POST"),
        ("management", "/models", "PUT"),
        ("management", "/models/commands/1.0", "POST"),
        ("management", "/models/commands/1.0/set-default", "GET"),
    ],
)
def test_405_says_what_is_allowed_and_the_allowed_are(
    server: TorchServe, listener: str, path: str, wrong: str
) -> None:
    with connect(server, listener) as client:
        client.send(request(wrong, path))
        answer = client.read()
        assert answer.status == 405
        allowed = answer.headers["allow"].split(", ")
        assert wrong not in allowed
        assert ("HEAD" in allowed) == ("GET" in allowed)
        for method in {"GET", "HEAD", "OPTIONS"} & set(allowed):
            client.send(request(method, path))
            assert client.read(method).status == 200, method


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_have_neither_body_nor_length(
    server: TorchServe, status: int
) -> None:
    with Connection(server.inference_port) as client:
        client.send(order(b'{"do": "status", "code": %d, "text": "not shown"}' % status))
        answer = client.read()
        assert answer.status == status
        assert not {"content-length", "transfer-encoding", "content-type"} & set(answer.headers)
        client.send(PING)
        assert b"Healthy" in client.read().body


def test_pipelined_requests_and_errors_are_answered_in_order(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        requests = [
            (PING, 200),
            (target(b"/nowhere"), 404),
            (length(b"2"), 200),
            (request("BREW", "/"), 501),
            (request("DELETE", "/ping"), 405),
            (target(b"/%zz"), 400),
            (chunks(b"2\r\n{}\r\n" + LAST), 200),
            (get(), 400),  # without a host: the last one that is answered
            (PING, 0),
        ]
        client.send(b"".join(data for data, _ in requests))
        for data, status in requests[:-1]:
            assert client.read().status == status, data
        assert client.ends()


def test_requests_cut_at_any_byte_are_understood(server: TorchServe) -> None:
    whole = chunks(b'2;a\r\n{"\r\nd\r\ndo": "echo"} \r\n0\r\nA: b\r\n\r\n') + PING
    with Connection(server.inference_port) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in whole:
            client.send(bytes([byte]))
        assert client.read().status in (200, 400)
        assert b"Healthy" in client.read().body


def test_client_that_still_sends_sees_the_refusal(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        client.send(PREDICT + b"Content-Length: 99999999999\r\n\r\n")
        for _ in range(50):
            client.send(b"x" * 100_000)
        answer = client.read()
        assert answer.status == 413
        client.socket.shutdown(socket.SHUT_WR)
        assert client.ends()


def test_half_closed_client_gets_its_answer(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        client.send(PING)
        client.socket.shutdown(socket.SHUT_WR)
        assert b"Healthy" in client.read().body


def test_encoded_bodies_reach_the_handler_as_they_are(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:
        client.send(order(b'{"do": "headers"}', b"Content-Encoding: identity-ish"))
        answer = client.read()
        assert answer.status == 200
        assert b"identity-ish" in answer.body


def test_date_follows_the_clock(server: TorchServe) -> None:
    with Connection(server.inference_port) as client:

        def date() -> str:
            client.send(PING)
            return client.read().headers["date"]

        first = date()
        wait_for(lambda: date() != first, "another second in the header Date")
