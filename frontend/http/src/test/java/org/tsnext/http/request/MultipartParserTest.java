package org.tsnext.http.request;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.testng.annotations.Test;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InputPart;

/** What of a multipart body has a size. */
public class MultipartParserTest {

  private static ByteBuf bodyWithHeader(int length) {
    String body =
        "--b\r\nContent-Disposition: form-data; name=a\r\nX-Long: "
            + "x".repeat(length)
            + "\r\n\r\nv\r\n--b--";
    return Unpooled.copiedBuffer(body, StandardCharsets.US_ASCII);
  }

  @Test
  public void headersOfAPartMayHave64Kib() {
    ByteBuf body = bodyWithHeader(65_000);
    List<InputPart> parts = new MultipartParser(body, "b").parse();
    assertEquals(parts.get(0).value().toString(StandardCharsets.US_ASCII), "v");
    parts.forEach(part -> part.value().release());
    body.release();
  }

  @Test
  public void longerHeadersOfAPartAreRefused() {
    ByteBuf body = bodyWithHeader(66_000);
    ServingException refused =
        expectThrows(ServingException.class, () -> new MultipartParser(body, "b").parse());
    assertTrue(refused.getMessage().contains("longer than 65536 bytes"), refused.getMessage());
    body.release();
  }
}
