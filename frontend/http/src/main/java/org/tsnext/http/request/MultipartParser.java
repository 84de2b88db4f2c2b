package org.tsnext.http.request;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InputLimits;
import org.tsnext.core.request.InputPart;

/**
 * {@code multipart/form-data} bodies that are in memory as a whole. Part values are retained slices
 * of the body, whatever their size: nothing is copied. Lines end with CRLF; where the first one
 * ends with a bare LF, as some clients write, all do.
 */
final class MultipartParser {

  private static final int MAX_PART_HEADER = 64 * 1024;
  private static final int MAX_BOUNDARY = 200;

  private final ByteBuf body;
  private final byte[] lineEnd;
  private final byte[] headerEnd;
  private final byte[] delimiter;
  private final int end;

  /**
   * @param body not released here; slices of it are retained
   * @param boundary from the content type
   */
  MultipartParser(ByteBuf body, String boundary) {
    if (boundary.length() > MAX_BOUNDARY) {
      throw malformed("its boundary is longer than " + MAX_BOUNDARY + " characters");
    }
    this.body = body;
    this.end = body.writerIndex();
    String line = bareLineFeeds(body, "--" + boundary) ? "\n" : "\r\n";
    this.lineEnd = line.getBytes(StandardCharsets.US_ASCII);
    this.headerEnd = (line + line).getBytes(StandardCharsets.US_ASCII);
    this.delimiter = (line + "--" + boundary).getBytes(StandardCharsets.UTF_8);
  }

  /** Whether the first line that is a boundary ends with a line feed alone. */
  private static boolean bareLineFeeds(ByteBuf body, String dashes) {
    byte[] wanted = dashes.getBytes(StandardCharsets.UTF_8);
    int at = body.readerIndex();
    while (at >= 0) {
      int lineFeed = body.indexOf(at, body.writerIndex(), (byte) '\n');
      if (matches(body, at, wanted, 0)) {
        return lineFeed > 0 && body.getByte(lineFeed - 1) != '\r';
      }
      at = lineFeed < 0 ? -1 : lineFeed + 1;
    }
    return false;
  }

  /**
   * @return the parts in order; their values are the caller's to release
   * @throws org.tsnext.core.error.ServingException BAD_REQUEST naming what is malformed
   */
  List<InputPart> parse() {
    List<InputPart> parts = new ArrayList<>();
    boolean done = false;
    try {
      readParts(parts);
      done = true;
      return parts;
    } finally {
      if (!done) {
        parts.forEach(part -> part.value().release());
      }
    }
  }

  private void readParts(List<InputPart> parts) {
    int at = afterFirstDelimiter();
    while (!closes(at)) {
      int start = skipLineEnd(at);
      int next = readPart(start, parts);
      at = next + delimiter.length;
    }
  }

  /** The first delimiter may stand at the very beginning, without a line end before it. */
  private int afterFirstDelimiter() {
    int dashes = delimiter.length - lineEnd.length;
    if (matches(body.readerIndex(), delimiter, lineEnd.length)) {
      return body.readerIndex() + dashes;
    }
    int found = find(delimiter, body.readerIndex(), end);
    if (found < 0) {
      throw malformed("its boundary does not occur in it");
    }
    return found + delimiter.length;
  }

  private boolean closes(int at) {
    return at + 2 <= end && body.getByte(at) == '-' && body.getByte(at + 1) == '-';
  }

  private int skipLineEnd(int at) {
    int i = at;
    while (i < end && (body.getByte(i) == ' ' || body.getByte(i) == '\t')) {
      i++;
    }
    if (!matches(i, lineEnd, 0)) {
      throw malformed("a boundary is not followed by a line end");
    }
    return i + lineEnd.length;
  }

  /** Reads the part at {@code start} and returns where the delimiter after it begins. */
  private int readPart(int start, List<InputPart> parts) {
    if (parts.size() == InputLimits.MAX_PARTS) {
      throw malformed("it has more than " + InputLimits.MAX_PARTS + " parts");
    }
    int headerStop = Math.min(end, start + MAX_PART_HEADER);
    int headersStop = find(headerEnd, start, headerStop);
    if (headersStop < 0) {
      throw malformed(
          headerStop == end
              ? "it ends inside the headers of part " + (parts.size() + 1)
              : "the headers of part "
                  + (parts.size() + 1)
                  + " are longer than "
                  + MAX_PART_HEADER
                  + " bytes");
    }
    String headers = body.toString(start, headersStop - start, StandardCharsets.UTF_8);
    int valueStart = headersStop + headerEnd.length;
    // An empty value has no line end of its own before the delimiter.
    int valueEnd = find(delimiter, valueStart - lineEnd.length, end);
    if (valueEnd < 0) {
      throw malformed("it ends without its closing boundary");
    }
    int length = Math.max(0, valueEnd - valueStart);
    parts.add(part(headers, parts.size() + 1, valueStart, length));
    return valueEnd;
  }

  private InputPart part(String headers, int number, int valueStart, int length) {
    String disposition = null;
    String contentType = "application/octet-stream";
    for (String line : headers.split("\r?\n", -1)) {
      int colon = line.indexOf(':');
      if (colon <= 0) {
        throw malformed("part " + number + " has a header line without a colon");
      }
      String value = line.substring(colon + 1).trim();
      switch (line.substring(0, colon).trim().toLowerCase(Locale.ROOT)) {
        case "content-disposition" -> disposition = value;
        case "content-type" -> contentType = MediaType.bare(value);
        case "content-transfer-encoding" -> checkEncoding(value, number);
        default -> {
          // Part headers without a meaning here are ignored.
        }
      }
    }
    if (disposition == null) {
      throw malformed("part " + number + " has no Content-Disposition");
    }
    Optional<String> name = MediaType.parameter(disposition, "name");
    if (name.isEmpty()) {
      throw malformed("the Content-Disposition of part " + number + " has no name");
    }
    boolean file =
        MediaType.parameter(disposition, "filename").isPresent()
            || MediaType.parameter(disposition, "filename*").isPresent();
    return new InputPart(
        name.get(), file ? contentType : "", body.retainedSlice(valueStart, length));
  }

  private static void checkEncoding(String value, int number) {
    String encoding = value.toLowerCase(Locale.ROOT);
    if (!encoding.equals("binary") && !encoding.equals("8bit") && !encoding.equals("7bit")) {
      throw malformed(
          "part "
              + number
              + " has Content-Transfer-Encoding "
              + value
              + ", expected binary, 8bit or 7bit");
    }
  }

  /** Looks for {@code wanted}, which starts with a line end, by its first byte. */
  private int find(byte[] wanted, int from, int to) {
    int last = to - wanted.length;
    int at = from;
    while (at <= last) {
      int candidate = body.indexOf(at, last + 1, wanted[0]);
      if (candidate < 0) {
        return -1;
      }
      if (matches(candidate, wanted, 0)) {
        return candidate;
      }
      at = candidate + 1;
    }
    return -1;
  }

  private boolean matches(int at, byte[] wanted, int offset) {
    return matches(body, at, wanted, offset);
  }

  private static boolean matches(ByteBuf body, int at, byte[] wanted, int offset) {
    if (at + wanted.length - offset > body.writerIndex()) {
      return false;
    }
    for (int i = offset; i < wanted.length; i++) {
      if (body.getByte(at + i - offset) != wanted[i]) {
        return false;
      }
    }
    return true;
  }

  private static ServingException malformed(String reason) {
    return MalformedRequest.because("Malformed multipart body: " + reason + ".");
  }
}
