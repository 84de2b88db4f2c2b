package org.tsnext.core.inference;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertSame;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.scheduling.SequencePolicy;
import org.tsnext.core.testing.Requests;

/** The name of a sequence on its way from the client to the handler. */
public class SequenceIdsTest {

  private final SequenceIds ids =
      new SequenceIds(
          new SequencePolicy(
              "x-seq", "x-start", Duration.ofSeconds(1), Duration.ZERO, 1, 1, Optional.empty()));

  @Test
  public void nameIsFoundInAnyCaseAndSpelledAsHandlersLookForIt() {
    InferenceRequest named = ids.named(request(new Header("X-SEQ", " a b ")));
    assertEquals(ids.of(named), "a b");
    assertEquals(named.headers(), List.of(new Header("other", "1"), new Header("x-seq", "a b")));
  }

  @Test
  public void ofSeveralNamesTheLastCountsAndIsTheOnlyOneTheHandlerSees() {
    InferenceRequest named = ids.named(request(new Header("x-seq", "a"), new Header("X-Seq", "b")));
    assertEquals(ids.of(named), "b");
    assertEquals(named.headers().size(), 2);
  }

  @Test
  public void requestWithoutNameGetsANewOneAndTheMarkOfTheStart() {
    for (InferenceRequest request : List.of(request(), request(new Header("x-seq", " ")))) {
      InferenceRequest named = ids.named(request);
      assertTrue(ids.of(named).matches("ts-seq-[0-9a-f-]{36}"), ids.of(named));
      assertEquals(named.headers().get(1), new Header("x-start", "true"));
      assertEquals(named.headers().size(), 3);
    }
    assertNotEquals(ids.of(ids.named(request())), ids.of(ids.named(request())));
  }

  @Test
  public void clientMayMarkTheStartOfItsOwnSequence() {
    InferenceRequest named =
        ids.named(request(new Header("x-seq", "a"), new Header("x-start", "true")));
    assertTrue(named.headers().contains(new Header("x-start", "true")));
  }

  @Test
  public void restOfTheRequestStaysAsItIs() {
    InferenceRequest request = request(new Header("x-seq", "a"));
    InferenceRequest named = ids.named(request);
    assertEquals(named.id(), request.id());
    assertEquals(named.timeout(), request.timeout());
    assertSame(named.parts().get(0), request.parts().get(0));
  }

  private static InferenceRequest request(Header... headers) {
    List<Header> all = new java.util.ArrayList<>(List.of(new Header("other", "1")));
    all.addAll(List.of(headers));
    return new Requests()
        .request(
            "m",
            Optional.empty(),
            RequestKind.PREDICT,
            all,
            "x",
            Optional.of(Duration.ofSeconds(3)));
  }
}
