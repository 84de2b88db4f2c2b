package org.tsnext.http;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** A client that sends exactly the bytes it is told to, and reads answers strictly. */
final class RawClient implements AutoCloseable {

  /** An answer; header names in lower case. */
  record RawResponse(String statusLine, Map<String, String> headers, String body) {

    int status() {
      return Integer.parseInt(statusLine.split(" ", 3)[1]);
    }

    String header(String name) {
      return headers.get(name);
    }
  }

  private final Socket socket;
  private final InputStream in;

  RawClient(int port) throws IOException {
    this(new Socket(InetAddress.getLoopbackAddress(), port));
  }

  /** Takes a connected socket over. */
  RawClient(Socket connected) throws IOException {
    socket = connected;
    socket.setSoTimeout(60_000);
    socket.setTcpNoDelay(true);
    in = new BufferedInputStream(socket.getInputStream());
  }

  Socket socket() {
    return socket;
  }

  /** What was not read yet of an answer. */
  InputStream in() {
    return in;
  }

  RawClient send(String bytes) throws IOException {
    socket.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
    return this;
  }

  /** Sends a request with a host and, if the body is not null, its length. */
  RawClient request(String method, String target, String body, String... headers)
      throws IOException {
    StringBuilder text = new StringBuilder(method + " " + target + " HTTP/1.1\r\nHost: t\r\n");
    for (String header : headers) {
      text.append(header).append("\r\n");
    }
    if (body != null) {
      text.append("Content-Length: ").append(body.length()).append("\r\n");
    }
    return send(text + "\r\n" + (body == null ? "" : body));
  }

  RawResponse get(String target, String... headers) throws IOException {
    return request("GET", target, null, headers).read();
  }

  RawResponse post(String target, String body, String... headers) throws IOException {
    return request("POST", target, body, headers).read();
  }

  RawResponse read() throws IOException {
    return read(true);
  }

  /** The head, and the body unless the answer is one without. */
  RawResponse read(boolean withBody) throws IOException {
    String statusLine = line();
    Map<String, String> headers = new LinkedHashMap<>();
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(": ");
      if (colon < 0) {
        throw new IOException("not a header line: " + line);
      }
      String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
      if (headers.put(name, line.substring(colon + 2)) != null) {
        throw new IOException("header twice: " + line);
      }
    }
    String body = "";
    if (withBody && headers.containsKey("content-length")) {
      byte[] bytes = in.readNBytes(Integer.parseInt(headers.get("content-length")));
      body = new String(bytes, StandardCharsets.UTF_8);
    } else if (withBody && "chunked".equals(headers.get("transfer-encoding"))) {
      StringBuilder all = new StringBuilder();
      for (String chunk = chunk(); !chunk.isEmpty(); chunk = chunk()) {
        all.append(chunk);
      }
      body = all.toString();
    }
    return new RawResponse(statusLine, headers, body);
  }

  /** The next chunk, empty for the last one. */
  String chunk() throws IOException {
    int size = Integer.parseInt(line(), 16);
    String chunk = new String(in.readNBytes(size), StandardCharsets.UTF_8);
    if (!line().isEmpty()) {
      throw new IOException("no line end after a chunk of " + size);
    }
    return chunk;
  }

  String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int character = in.read(); character != '\r'; character = in.read()) {
      if (character < 0) {
        throw new EOFException("connection ended in a line: " + line);
      }
      line.write(character);
    }
    if (in.read() != '\n') {
      throw new IOException("carriage return without line feed");
    }
    return line.toString(StandardCharsets.UTF_8);
  }

  /** Reads to the end of the connection; fails on a reset. */
  String readToEnd() throws IOException {
    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
