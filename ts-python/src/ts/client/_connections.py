"""HTTP by the standard library: over TCP, TLS and Unix sockets, with connections that are kept."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ts.client._errors import RequestTimeout, ServerUnreachable
from ts.client._messages import Response

_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """Which certificate a server on an ``https`` address has to show.

    Attributes:
        ca_file: Certificates to trust, in PEM, in place of those of this system.
        pinned: `ca_file` holds the server's own certificate: whatever name it has, it is this one.
        insecure: Any certificate will do, from any machine that answers.
    """

    ca_file: str | None = None
    pinned: bool = False
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """Return what checks certificates. Raises `OSError` if a file cannot be used."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.pinned:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.check_hostname = False
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener is: host and port, or a Unix socket."""

    scheme: str
    host: str
    port: int
    socket_path: str | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read ``http://host:port``, ``https://host:port`` or ``unix:/path``.

        An address that means every interface is asked on loopback. Raises `ValueError`.
        """
        if url.startswith("unix:"):
            return cls("http", "localhost", 80, url[len("unix:") :].replace("//", "/", 1))
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address; expected http://host:port or unix:/path")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(parts.hostname, parts.hostname)  # noqa: S104
        return cls(parts.scheme, host, parts.port or (443 if parts.scheme == "https" else 80))

    @property
    def url(self) -> str:
        """The address as a URL without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __str__(self) -> str:
        return f"unix:{self.socket_path}" if self.socket_path else self.url


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _ThreadConnection:
    """The connection of one thread, which alone refers to it: it is closed as the thread ends."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class Connections:
    """The connections of one client to one listener: one for each thread, made when needed."""

    def __init__(self, address: Address, trust: Trust) -> None:
        self._address = address
        self._context = trust.context() if address.scheme == "https" else None
        self._local = threading.local()
        self._all: weakref.WeakSet[_ThreadConnection] = weakref.WeakSet()
        self._all_lock = threading.Lock()  # a WeakSet cannot be listed while threads add to it

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float | None,
    ) -> Response:
        """Send a request and return the whole response."""
        with self._failures(timeout):
            connection = self._connection(timeout)
            try:
                connection.request(method, path, body=body, headers=dict(headers))
                answer = connection.getresponse()
                return Response(answer.status, _headers(answer), answer.read())
            except BaseException:
                # It may be half used; even closed, it would send what it has of this request.
                connection.close()
                del self._local.kept
                raise

    def stream(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float | None,
    ) -> Iterator[Response | bytes]:
        """Send a request and yield the head, without content, then what comes, as it comes.

        A response that breaks off raises `ServerUnreachable`; an error comes as a whole response.
        It has a connection of its own: other requests may be made meanwhile.
        """
        connection = self._new(timeout)
        with contextlib.closing(connection), self._failures(timeout):
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            error = answer.status >= 400
            yield Response(answer.status, _headers(answer), answer.read() if error else b"")
            while not error and (chunk := answer.read1(_CHUNK)):
                yield chunk
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)

    def close(self) -> None:
        """Close every connection."""
        with self._all_lock:
            kept = list(self._all)
        for each in kept:
            each.connection.close()

    def _connection(self, timeout: float | None) -> http.client.HTTPConnection:
        kept: _ThreadConnection | None = getattr(self._local, "kept", None)
        if kept is None:
            kept = self._local.kept = _ThreadConnection(self._new(timeout))
            with self._all_lock:
                self._all.add(kept)
        connection = kept.connection
        connection.timeout = timeout
        if connection.sock is not None:
            if _is_readable(connection.sock):  # the server has closed it
                connection.close()
            else:
                connection.sock.settimeout(timeout)
        return connection

    def _new(self, timeout: float | None) -> http.client.HTTPConnection:
        address = self._address
        if address.socket_path is not None:
            return _UnixConnection(address.socket_path, timeout)
        if self._context is not None:
            return http.client.HTTPSConnection(
                address.host, address.port, timeout=timeout, context=self._context
            )
        return http.client.HTTPConnection(address.host, address.port, timeout=timeout)

    @contextlib.contextmanager
    def _failures(self, timeout: float | None) -> Iterator[None]:
        try:
            yield
        except TimeoutError as problem:
            raise RequestTimeout(
                f"{self._address} did not respond within {timeout:g} s"
            ) from problem
        except ssl.SSLCertVerificationError as problem:
            raise ServerUnreachable(
                f"The certificate of {self._address} is not trusted: {problem.verify_message}; "
                "name the certificate to trust: --cacert FILE, or Trust(ca_file=...)"
            ) from problem
        except (OSError, http.client.HTTPException) as problem:
            reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
            raise ServerUnreachable(f"No response from {self._address}: {reason}") from problem


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}


def _is_readable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
