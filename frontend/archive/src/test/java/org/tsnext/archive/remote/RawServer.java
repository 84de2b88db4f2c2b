package org.tsnext.archive.remote;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** An HTTP server on loopback that answers each path with the bytes it was given. */
final class RawServer implements AutoCloseable {

  private final ServerSocket listener;
  private final Map<String, byte[]> responses = new ConcurrentHashMap<>();
  private final List<List<String>> requests = new CopyOnWriteArrayList<>();
  private final List<Socket> open = new CopyOnWriteArrayList<>();

  RawServer() throws IOException {
    this(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
  }

  RawServer(ServerSocket listener) {
    this.listener = listener;
    Thread thread = new Thread(this::accept, "raw-server");
    thread.setDaemon(true);
    thread.start();
  }

  InetSocketAddress address() {
    return (InetSocketAddress) listener.getLocalSocketAddress();
  }

  /** The lines of each request so far. */
  List<List<String>> requests() {
    return requests;
  }

  RawServer respond(String target, String head, byte[] body) {
    byte[] start = head.replace("\n", "\r\n").concat("\r\n\r\n").getBytes(StandardCharsets.UTF_8);
    byte[] all = new byte[start.length + body.length];
    System.arraycopy(start, 0, all, 0, start.length);
    System.arraycopy(body, 0, all, start.length, body.length);
    responses.put(target, all);
    return this;
  }

  RawServer ok(String target, byte[] body) {
    return respond(target, "HTTP/1.1 200 OK\nContent-Length: " + body.length, body);
  }

  RawServer redirect(String target, String location) {
    return respond(
        target, "HTTP/1.1 302 Found\nContent-Length: 0\nLocation: " + location, new byte[0]);
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        open.add(socket);
        Thread thread = new Thread(() -> serve(socket), "raw-server-connection");
        thread.setDaemon(true);
        thread.start();
      } catch (IOException e) {
        return;
      }
    }
  }

  /** An answer that is not there keeps the client waiting. */
  private void serve(Socket socket) {
    try {
      BufferedReader in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
      List<String> lines = new ArrayList<>();
      for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
        lines.add(line);
      }
      if (lines.isEmpty()) {
        return;
      }
      requests.add(lines);
      byte[] response = responses.get(lines.get(0).split(" ", -1)[1]);
      if (response != null) {
        OutputStream out = socket.getOutputStream();
        out.write(response);
        out.flush();
        socket.close();
      }
    } catch (IOException e) {
      // The client has gone, which is its right.
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
