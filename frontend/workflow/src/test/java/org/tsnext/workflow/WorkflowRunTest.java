package org.tsnext.workflow;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.tsnext.workflow.WorkflowFixture.buffer;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.Test;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.FakeInference.Part;
import org.tsnext.core.testing.RecordingSink;

public class WorkflowRunTest {

  private static final String PIPELINE =
      """
      models:
        m1:
          url: m1.mar
          retry-attempts: 1
          timeout-ms: 500
      dag:
        pre: [m1]
        m1: [post]
      """;
  private static final String DIAMOND =
      """
      models:
        retry-attempts: 0
        a: {url: a.mar}
        b: {url: b.mar}
      dag:
        pre: [a, b]
        a: [join]
        b: [join]
      """;
  private static final String FORK =
      """
      models:
        retry-attempts: 0
        a: {url: a.mar}
        b: {url: b.mar}
      dag:
        pre: [b, a]
      """;

  private RecordingSink answer;
  private Path folder;

  private WorkflowFixture fixture(String spec) throws IOException {
    return fixture(spec, Compatibility.NEXT);
  }

  private WorkflowFixture fixture(String spec, Compatibility compatibility) throws IOException {
    answer = new RecordingSink();
    folder = Files.createTempDirectory("workflow");
    WorkflowFixture.write(folder, spec);
    WorkflowFixture made = new WorkflowFixture(folder, compatibility);
    made.register().join();
    made.inference.hold();
    return made;
  }

  /** A run whose first node has responded with {@code y}. */
  private WorkflowFixture begun(String spec) throws Exception {
    return begun(spec, Compatibility.NEXT);
  }

  private WorkflowFixture begun(String spec, Compatibility compatibility) throws Exception {
    WorkflowFixture fixture = fixture(spec, compatibility);
    fixture.submit("x", answer);
    complete(fixture.inference.nextWaiting(), "y");
    return fixture;
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    WorkflowFixture.remove(folder);
  }

  @Test
  public void eachNodeGetsWhatTheOneBeforeRespondedAsBody() throws Exception {
    WorkflowFixture fixture = fixture(PIPELINE);
    fixture.submit("x", answer);

    FakeInference.Waiting pre = fixture.inference.nextWaiting();
    assertEquals(pre.request().model(), "pipe__pre");
    assertEquals(pre.request().id(), "r1.pre");
    assertEquals(pre.request().parts(), List.of(new Part("data", "text/plain", "x")));
    complete(pre, "y");
    FakeInference.Waiting model = fixture.inference.nextWaiting();
    assertEquals(model.request().model(), "pipe__m1");
    assertEquals(model.request().parts(), List.of(new Part("body", "", "y")));
    assertEquals(model.request().header("x-user"), "me");
    assertEquals(model.request().timeout(), Optional.of(Duration.ofMillis(500)));
    complete(model, "z");
    FakeInference.Waiting post = fixture.inference.nextWaiting();
    ResponseHead head =
        new ResponseHead(
            201, "Made", BodyKind.BYTES, List.of(new Header("content-type", "image/png")));
    post.sink().complete(head, buffer("end"));

    assertEquals(answer.body(), Optional.of("end"));
    assertEquals(answer.head(), Optional.of(head));
    assertEquals(answer.ends(), 1);
  }

  @Test
  public void nodeWithSeveralParentsWaitsForAllAndGetsEachByItsName() throws Exception {
    WorkflowFixture fixture = begun(DIAMOND);
    FakeInference.Waiting a = fixture.inference.nextWaiting();
    FakeInference.Waiting b = fixture.inference.nextWaiting();
    complete(b, "from b");
    assertTrue(fixture.inference.waiting.isEmpty());
    complete(a, "from a");
    FakeInference.Waiting join = fixture.inference.nextWaiting();
    assertEquals(
        List.copyOf(join.request().parts()).stream().map(Part::name).sorted().toList(),
        List.of("a", "b"));
    complete(join, "end");
    assertEquals(answer.body(), Optional.of("end"));
  }

  @Test
  public void severalLastNodesMakeOneJsonObjectInTheOrderOfTheFile() throws Exception {
    WorkflowFixture fixture = begun(FORK);
    FakeInference.Waiting b = fixture.inference.nextWaiting();
    FakeInference.Waiting a = fixture.inference.nextWaiting();
    a.sink().complete(FakeInference.text(), buffer("a \"word\""));
    b.sink().complete(head(BodyKind.BYTES), buffer("[1, 2]"));
    assertEquals(answer.body(), Optional.of("{\"b\": [1, 2], \"a\": \"a \\\"word\\\"\"}"));
  }

  @Test
  public void bytesOfOneOfSeveralLastNodesAreAnErrorThatNamesIt() throws Exception {
    WorkflowFixture fixture = begun(FORK);
    FakeInference.Waiting b = fixture.inference.nextWaiting();
    FakeInference.Waiting a = fixture.inference.nextWaiting();
    a.sink().complete(head(BodyKind.BYTES), buffer("\u0001"));
    b.sink().complete(head(BodyKind.BYTES), buffer("1"));
    assertEquals(answer.error().orElseThrow().getMessage(), "Error executing a");
    assertEquals(answer.ends(), 1);
  }

  @Test
  public void jsonOfSeveralLastNodesHasToBeUtf8() throws Exception {
    WorkflowFixture fixture = begun(FORK);
    FakeInference.Waiting b = fixture.inference.nextWaiting();
    FakeInference.Waiting a = fixture.inference.nextWaiting();
    a.sink()
        .complete(head(BodyKind.BYTES), Unpooled.wrappedBuffer(new byte[] {'"', (byte) 0xff, '"'}));
    complete(b, "1");
    assertEquals(answer.error().orElseThrow().getMessage(), "Error executing a");
  }

  @Test
  public void whatHoldsForAllModelsHoldsForTriesOfFunctionsToo() throws Exception {
    WorkflowFixture fixture =
        fixture("models:\n  timeout-ms: 700\n  retry-attempts: 0\ndag:\n  pre: []\n");
    fixture.submit("x", answer);
    FakeInference.Waiting pre = fixture.inference.nextWaiting();
    assertEquals(pre.request().timeout(), Optional.of(Duration.ofMillis(700)));
    pre.sink().fail(late());
    ServingException error = answer.error().orElseThrow();
    assertEquals(error.detail(), Optional.of("Late. The node has timeout-ms 700."));
  }

  @Test
  public void timeoutOfTheClientIsNotToldAsThatOfTheNode() throws Exception {
    WorkflowFixture fixture = fixture("models:\n  retry-attempts: 0\ndag:\n  pre: []\n");
    fixture.workflows.submit(
        WorkflowFixture.request("x", Optional.of(Duration.ofMillis(300))), answer);
    fixture.inference.nextWaiting().sink().fail(late());
    assertEquals(answer.error().orElseThrow().detail(), Optional.of("Late."));
  }

  private static ServingException late() {
    return new ServingException(ErrorKind.CLIENT_TIMEOUT, "Late.");
  }

  @Test
  public void nodeThatFailsIsAskedAgainAndThenNamed() throws Exception {
    WorkflowFixture fixture = begun(PIPELINE);
    ServingException cause =
        new ServingException(ErrorKind.PREDICTION_FAILED, "Prediction failed")
            .withDetail("ValueError: bad digit");
    fixture.inference.nextWaiting().sink().fail(cause);
    FakeInference.Waiting again = fixture.inference.nextWaiting();
    assertEquals(again.request().id(), "r1.m1.2");
    assertEquals(again.request().parts(), List.of(new Part("body", "", "y")));
    again.sink().fail(cause);
    ServingException error = answer.error().orElseThrow();
    assertEquals(error.kind(), ErrorKind.PREDICTION_FAILED);
    assertEquals(error.getMessage(), "Error executing m1");
    assertEquals(error.detail(), Optional.of("Prediction failed: ValueError: bad digit"));
    assertEquals(answer.ends(), 1);
  }

  @Test
  public void clientsErrorIsNotTriedAgain() throws Exception {
    WorkflowFixture fixture = begun(PIPELINE);
    fixture.inference.nextWaiting().sink().fail(ServingException.ofHandler(422, "no digit"));
    assertEquals(answer.error().orElseThrow().httpStatus(), 422);
    assertTrue(fixture.inference.waiting.isEmpty());
  }

  @Test
  public void fullQueueIsTriedAgainAfterAPause() throws Exception {
    WorkflowFixture fixture = begun(PIPELINE);
    fixture.inference.nextWaiting().sink().fail(new ServingException(ErrorKind.QUEUE_FULL, "full"));
    assertTrue(fixture.inference.waiting.isEmpty());
    fixture.time.advance(Duration.ofMillis(100));
    assertEquals(fixture.inference.nextWaiting().request().id(), "r1.m1.2");
  }

  @Test
  public void statusOfAnEarlierNodeEndsTheRun() throws Exception {
    WorkflowFixture fixture = fixture(PIPELINE);
    fixture.submit("x", answer);
    fixture
        .inference
        .nextWaiting()
        .sink()
        .complete(new ResponseHead(404, "", BodyKind.TEXT, List.of()), buffer("no such user"));
    ServingException error = answer.error().orElseThrow();
    assertEquals(error.httpStatus(), 404);
    assertEquals(error.detail(), Optional.of("no such user"));
  }

  @Test
  public void failureCancelsWhatStillRuns() throws Exception {
    WorkflowFixture fixture = begun(DIAMOND);
    fixture.inference.nextWaiting().sink().fail(ServingException.ofHandler(400, "bad"));
    assertEquals(answer.ends(), 1);
    assertTrue(fixture.inference.cancelled.get() >= 1);
    // What comes late is released, and is no second end.
    complete(fixture.inference.nextWaiting(), "late");
    assertEquals(answer.ends(), 1);
  }

  @Test
  public void clientThatLeavesCancelsAllNodesAndHearsNothing() throws Exception {
    WorkflowFixture fixture = fixture(DIAMOND);
    InferenceCall call = fixture.submit("x", answer);
    complete(fixture.inference.nextWaiting(), "y");
    fixture.inference.nextWaiting();
    call.cancel();
    call.cancel();
    complete(fixture.inference.nextWaiting(), "late");
    assertEquals(answer.ends(), 0);
  }

  @Test
  public void deadlineOfTheClientHoldsForTheWholeGraph() throws Exception {
    WorkflowFixture fixture = fixture(PIPELINE);
    fixture.workflows.submit(
        WorkflowFixture.request("x", Optional.of(Duration.ofMillis(300))), answer);
    FakeInference.Waiting pre = fixture.inference.nextWaiting();
    assertEquals(pre.request().timeout(), Optional.of(Duration.ofMillis(300)));
    fixture.time.advance(Duration.ofMillis(200));
    complete(pre, "y");
    FakeInference.Waiting model = fixture.inference.nextWaiting();
    assertEquals(model.request().timeout(), Optional.of(Duration.ofMillis(100)));
    fixture.time.advance(Duration.ofMillis(200));
    complete(model, "z");
    assertEquals(answer.errorKind(), Optional.of(ErrorKind.CLIENT_TIMEOUT));
  }

  @Test
  public void streamOfTheLastNodeReachesTheClientAsItComes() throws Exception {
    WorkflowFixture fixture = fixture(PIPELINE);
    fixture.submit("x", answer);
    FakeInference.Waiting pre = fixture.inference.nextWaiting();
    pre.sink().chunk(ResponseHead.EMPTY, buffer("one "));
    pre.sink().end(buffer("two"));
    FakeInference.Waiting model = fixture.inference.nextWaiting();
    assertEquals(model.request().parts().get(0).value(), "one two");
    complete(model, "z");
    FakeInference.Waiting post = fixture.inference.nextWaiting();
    post.sink().chunk(ResponseHead.EMPTY, buffer("a"));
    assertEquals(answer.chunks(), List.of("a"));
    post.sink().end(buffer("b"));
    assertEquals(answer.chunks(), List.of("a", "b"));
    assertEquals(answer.ends(), 1);
  }

  @Test
  public void inputThatIsTooLargeForANodeIsRefused() throws Exception {
    WorkflowFixture fixture = fixture(PIPELINE);
    fixture.submit("x", answer);
    complete(fixture.inference.nextWaiting(), "y".repeat(WorkflowFixture.MAX_REQUEST + 1));
    assertEquals(answer.errorKind(), Optional.of(ErrorKind.REQUEST_TOO_LARGE));
    assertEquals(answer.error().orElseThrow().getMessage(), "Error executing m1");
  }

  @Test
  public void withTheSwitchTheHeadOfTheLastNodeIsLost() throws Exception {
    WorkflowFixture fixture = begun(PIPELINE, Compatibility.ORIGINAL);
    complete(fixture.inference.nextWaiting(), "z");
    fixture
        .inference
        .nextWaiting()
        .sink()
        .complete(new ResponseHead(404, "", BodyKind.TEXT, List.of()), buffer("end"));
    ResponseHead head = answer.head().orElseThrow();
    assertEquals(head.status(), 0);
    assertEquals(head.headers(), List.of(new Header("content-type", "application/json")));
  }

  @Test
  public void everyBufferIsReleased() throws Exception {
    WorkflowFixture fixture = fixture(DIAMOND);
    InferenceRequest request = WorkflowFixture.request("x", Optional.empty());
    ByteBuf input = request.parts().get(0).value();
    fixture.workflows.submit(request, answer);
    ByteBuf first = buffer("y");
    fixture.inference.nextWaiting().sink().complete(head(BodyKind.BYTES), first);
    assertEquals(input.refCnt(), 0);
    ByteBuf ofA = buffer("a");
    fixture.inference.nextWaiting().sink().complete(head(BodyKind.BYTES), ofA);
    fixture.inference.nextWaiting().sink().fail(ServingException.ofHandler(400, "bad"));
    assertEquals(first.refCnt(), 0);
    assertEquals(ofA.refCnt(), 0);
  }

  @Test
  public void chunksThatWereCollectedAreReleasedWhenTheClientLeaves() throws Exception {
    WorkflowFixture fixture = fixture(PIPELINE);
    InferenceCall call = fixture.submit("x", answer);
    FakeInference.Waiting pre = fixture.inference.nextWaiting();
    ByteBuf first = buffer("one ");
    pre.sink().chunk(ResponseHead.EMPTY, first);
    call.cancel();
    assertEquals(first.refCnt(), 0);
    // On their way on the worker's thread.
    ByteBuf late = buffer("two ");
    ByteBuf last = buffer("three");
    pre.sink().chunk(ResponseHead.EMPTY, late);
    pre.sink().end(last);
    assertEquals(late.refCnt() + last.refCnt(), 0);
    assertEquals(answer.ends(), 0);
  }

  @Test
  public void chunksThatWereCollectedAreReleasedWhenAnotherNodeFails() throws Exception {
    WorkflowFixture fixture = begun(DIAMOND);
    FakeInference.Waiting a = fixture.inference.nextWaiting();
    ByteBuf chunk = buffer("one");
    a.sink().chunk(ResponseHead.EMPTY, chunk);
    fixture.inference.nextWaiting().sink().fail(ServingException.ofHandler(400, "bad"));
    assertEquals(answer.ends(), 1);
    assertEquals(chunk.refCnt(), 0);
  }

  @Test
  public void streamThatIsTooLargeForTheNextNodeIsStoppedAndNotAskedForAgain() throws Exception {
    WorkflowFixture fixture = fixture(PIPELINE);
    fixture.submit("x", answer);
    FakeInference.Waiting pre = fixture.inference.nextWaiting();
    ByteBuf first = buffer("y");
    pre.sink().chunk(ResponseHead.EMPTY, first);
    pre.sink().chunk(ResponseHead.EMPTY, buffer("y".repeat(WorkflowFixture.MAX_REQUEST)));
    assertEquals(answer.errorKind(), Optional.of(ErrorKind.REQUEST_TOO_LARGE));
    assertEquals(answer.error().orElseThrow().getMessage(), "Error executing pre");
    assertEquals(fixture.inference.cancelled.get(), 1);
    assertTrue(fixture.inference.waiting.isEmpty());
    assertEquals(first.refCnt(), 0);
  }

  @Test
  public void runIsDispatchedOnceWhenAWorkerHasItsFirstNode() throws Exception {
    WorkflowFixture fixture = fixture("models:\n  retry-attempts: 1\ndag:\n  pre: []\n");
    AtomicInteger dispatched = new AtomicInteger();
    ResponseSink counting =
        new ResponseSink() {
          @Override
          public void dispatched() {
            dispatched.incrementAndGet();
          }

          @Override
          public void complete(ResponseHead head, ByteBuf body) {
            answer.complete(head, body);
          }

          @Override
          public void chunk(ResponseHead head, ByteBuf body) {
            answer.chunk(head, body);
          }

          @Override
          public void end(ByteBuf body) {
            answer.end(body);
          }

          @Override
          public void fail(ServingException error) {
            answer.fail(error);
          }
        };
    fixture.workflows.submit(WorkflowFixture.request("x", Optional.empty()), counting);
    FakeInference.Waiting first = fixture.inference.nextWaiting();
    assertEquals(dispatched.get(), 0);
    first.sink().dispatched();
    assertEquals(dispatched.get(), 1);
    first.sink().fail(new ServingException(ErrorKind.PREDICTION_FAILED, "no"));
    FakeInference.Waiting again = fixture.inference.nextWaiting();
    again.sink().dispatched();
    complete(again, "y");
    assertEquals(dispatched.get(), 1);
    assertEquals(answer.body(), Optional.of("y"));
  }

  private static void complete(FakeInference.Waiting node, String body) {
    node.sink().complete(head(BodyKind.BYTES), buffer(body));
  }

  private static ResponseHead head(BodyKind kind) {
    return new ResponseHead(0, "", kind, List.of());
  }
}
