package org.tsnext.grpc.call;

import static org.testng.Assert.assertEquals;

import io.grpc.Metadata;
import java.util.List;
import java.util.stream.Stream;
import org.testng.annotations.Test;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.request.Header;

/** A call's metadata as its handler sees it. */
public class HandlerMetadataTest {

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  @Test
  public void valuesOfOneNameKeepTheirOrder() {
    Metadata metadata = new Metadata();
    metadata.put(key("a"), "1");
    metadata.put(key("b"), "2");
    metadata.put(key("te"), "trailers");
    metadata.put(key("a"), "3");
    metadata.put(Metadata.Key.of("c-bin", Metadata.BINARY_BYTE_MARSHALLER), new byte[] {1});
    List<Header> headers = HandlerMetadata.of(metadata, HeaderPolicy.TOKENS_OFF);
    Stream<Header> ofA = headers.stream().filter(header -> header.name().equals("a"));
    assertEquals(ofA.map(Header::value).toList(), List.of("1", "3"));
    assertEquals(headers.size(), 3);
  }

  /** Were each name searched for among all, this would take minutes. */
  @Test(timeOut = 60_000)
  public void manyEntriesTakeLinearTime() {
    int count = 300_000;
    Metadata metadata = new Metadata();
    for (int i = 0; i < count; i++) {
      metadata.put(key("n" + i), "v" + i);
    }
    List<Header> headers = HandlerMetadata.of(metadata, HeaderPolicy.TOKENS_OFF);
    assertEquals(headers.size(), count);
    assertEquals(headers.get(count - 1), new Header("n299999", "v299999"));
  }
}
