package org.tsnext.http.connection;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.List;

/** HTTP/1 requests, read strictly: what two servers could read differently is refused. */
final class RequestDecoder extends HttpRequestDecoder {

  private static final int MAX_START_LINE = 4096;
  private static final int MAX_HEADERS = 8192;
  private static final int MAX_CHUNK = 1 << 20;
  private static final byte LINE_FEED = '\n';

  /** Index of the minor version's digit in {@code HTTP/1.1}. */
  private static final int MINOR = 7;

  private boolean inHead = true;

  /** Whether the last byte of the head so far ended a line. */
  private boolean afterLine;

  private boolean folded;

  /** Where the word before this one ended in the start line. */
  private int endOfWord;

  RequestDecoder() {
    super(
        new HttpDecoderConfig()
            .setMaxInitialLineLength(MAX_START_LINE)
            .setMaxHeaderSize(MAX_HEADERS)
            .setMaxChunkSize(MAX_CHUNK)
            .setAllowDuplicateContentLengths(false)
            .setStrictLineParsing(true)
            .setUseRfc9112TransferEncoding(true)
            .setValidateHeaders(true));
  }

  /**
   * Decodes as Netty does, and refuses heads with folded lines, which Netty unfolds without a word:
   * servers have read them differently, and RFC 9112, 5.2 allows to refuse them.
   */
  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) throws Exception {
    int start = in.readerIndex();
    super.decode(ctx, in, out);
    if (inHead) {
      // A call never reads beyond the head's end, and never less than a line.
      lookForFolds(in, start, in.readerIndex());
      if (!out.isEmpty()) {
        endHead((HttpObject) out.get(0));
      }
    }
    if (!out.isEmpty() && out.get(out.size() - 1) instanceof LastHttpContent) {
      inHead = true;
    }
  }

  private void lookForFolds(ByteBuf in, int start, int end) {
    int line = afterLine ? start : nextLine(in, start, end);
    while (line < end) {
      byte first = in.getByte(line);
      folded |= first == ' ' || first == '\t';
      line = nextLine(in, line, end);
    }
    afterLine |= end > start;
  }

  private static int nextLine(ByteBuf in, int from, int end) {
    int lineFeed = in.indexOf(from, end, LINE_FEED);
    return lineFeed < 0 ? end : lineFeed + 1;
  }

  private void endHead(HttpObject head) {
    if (folded && head.decoderResult().isSuccess()) {
      head.setDecoderResult(
          DecoderResult.failure(new IllegalArgumentException("A header is folded over lines")));
    }
    inHead = false;
    afterLine = false;
    folded = false;
  }

  @Override
  protected String splitFirstWordInitialLine(byte[] line, int start, int length) {
    endOfWord = start + length;
    return super.splitFirstWordInitialLine(line, start, length);
  }

  @Override
  protected String splitSecondWordInitialLine(byte[] line, int start, int length) {
    requireOneBlank(line, start);
    endOfWord = start + length;
    for (int i = start; i < endOfWord; i++) {
      // Bytes beyond ASCII are no URL either, but old clients send names so.
      if ((line[i] >= 0 && line[i] <= ' ') || line[i] == 0x7f) {
        throw new IllegalArgumentException("A control character in the request target");
      }
    }
    return super.splitSecondWordInitialLine(line, start, length);
  }

  /** The version; minor ones from 1 up mean the same. */
  @Override
  protected String splitThirdWordInitialLine(byte[] line, int start, int length) {
    requireOneBlank(line, start);
    String version = super.splitThirdWordInitialLine(line, start, length);
    if (version.equals("HTTP/1.1") || version.equals("HTTP/1.0")) {
      return version;
    }
    if (!isVersion(version)) {
      throw new IllegalArgumentException("Not a protocol version, expected HTTP/1.0 or HTTP/1.1");
    }
    if (!version.startsWith("HTTP/1.")) {
      throw new UnsupportedVersion(version);
    }
    return "HTTP/1.1";
  }

  private static boolean isVersion(String text) {
    return text.length() == MINOR + 1
        && text.startsWith("HTTP/")
        && isDigit(text.charAt(MINOR - 2))
        && text.charAt(MINOR - 1) == '.'
        && isDigit(text.charAt(MINOR));
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private void requireOneBlank(byte[] line, int start) {
    if (start != endOfWord + 1 || line[endOfWord] != ' ') {
      throw new IllegalArgumentException(
          "The fields of the request line must be separated by one space");
    }
  }

  @Override
  protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
    throw new IllegalArgumentException("Both Content-Length and Transfer-Encoding are present");
  }

  /** The request is in another major version of HTTP. */
  static final class UnsupportedVersion extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    UnsupportedVersion(String version) {
      super("Version " + version + ", expected HTTP/1.0 or HTTP/1.1");
    }
  }
}
