package org.tsnext.jobs;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledHeapByteBuf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.stream.Stream;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.ServingCore;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.ownership.Host;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.core.testing.Requests;
import org.tsnext.jobs.folder.JobFolder;
import org.tsnext.jobs.job.JobStatus;
import org.tsnext.jobs.job.JobTarget;

/** Jobs with the core's door, the clock and the disk's threads in the hand of the test. */
public class JobsTest {

  private static final JobLimits LIMITS = new JobLimits(3, 100, Duration.ofSeconds(60));

  private final List<ByteBuf> bodies = new ArrayList<>();
  private Path directory;
  private ManualTime time;
  private FakeInference inference;
  private Requests requests;
  private Optional<JobFolder> folder;
  private JobLimits limits;
  private Executor disk;
  private Jobs jobs;
  private JobLifecycle lifecycle;
  private int ids;

  @BeforeMethod
  public void makeJobs() throws IOException {
    directory = Files.createTempDirectory("jobs-test");
    time = new ManualTime();
    requests = new Requests();
    folder = Optional.empty();
    limits = LIMITS;
    disk = Runnable::run;
    ids = 0;
    start();
  }

  @AfterMethod(alwaysRun = true)
  public void nothingIsHeld() throws IOException {
    lifecycle.close();
    assertEquals(requests.unreleased(), 0);
    bodies.forEach(body -> assertEquals(body.refCnt(), 0));
    bodies.clear();
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(file);
      }
    }
  }

  @DataProvider
  Object[][] places() {
    return new Object[][] {{"memory"}, {"folder"}};
  }

  private void use(String place) throws IOException {
    if (place.equals("folder")) {
      openFolder();
    }
  }

  private void openFolder() throws IOException {
    folder = Optional.of(JobFolder.open(directory.resolve("store"), Host.current()));
    start();
  }

  /** A server begins, with the folder if one was opened. */
  private void start() throws IOException {
    inference = new FakeInference();
    ServingCore.Execution execution =
        new ServingCore.Execution(time, time, task -> disk.execute(task));
    jobs =
        new Jobs(
            new JobDoors(inference, inference),
            limits,
            execution,
            folder,
            () -> "%032x".formatted(ids++));
    lifecycle = new JobLifecycle(jobs, execution, folder);
    lifecycle.load();
  }

  /** The server is killed, and another one starts with its folder. */
  private void restart() throws IOException {
    lifecycle.close();
    folder = Optional.of(JobFolder.open(directory.resolve("store"), Host.current()));
    start();
  }

  private String submit(String body) {
    JobService.Accepted accepted = jobs.submit(requests.predict("m", body), JobTarget.MODEL);
    accepted.stored().join();
    return accepted.id();
  }

  private ByteBuf body(String text) {
    ByteBuf made = Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
    bodies.add(made);
    return made;
  }

  private String result(String id) {
    ByteBuf body = jobs.result(id).join().body();
    try {
      return body.toString(StandardCharsets.UTF_8);
    } finally {
      body.release();
    }
  }

  private JobStatus status(String id) {
    return jobs.describe(id).status();
  }

  private static ErrorKind failure(CompletableFuture<?> future) {
    CompletionException thrown = expectThrows(CompletionException.class, future::join);
    return ((ServingException) thrown.getCause()).kind();
  }

  private static ErrorKind kind(Callable<?> action) {
    return error(action).kind();
  }

  private static ServingException error(Callable<?> action) {
    return expectThrows(
        ServingException.class,
        () -> {
          Object unused = action.call();
        });
  }

  @Test(dataProvider = "places")
  public void resultHasTheHeadAndBodyOfTheModel(String place) throws Exception {
    use(place);
    inference.hold();
    String id = submit("seven");
    assertEquals(status(id), JobStatus.QUEUED);
    FakeInference.Waiting waiting = inference.nextWaiting();
    assertEquals(waiting.request().parts().get(0).value(), "seven");
    waiting.sink().dispatched();
    assertEquals(status(id), JobStatus.RUNNING);
    assertEquals(kind(() -> result(id)), ErrorKind.CONFLICT);
    ResponseHead head =
        new ResponseHead(
            201, "Made", ResponseHead.BodyKind.JSON, List.of(new Header("x-class", "7")));
    waiting.sink().complete(head, body("{}"));
    assertEquals(status(id), JobStatus.SUCCEEDED);
    JobResult result = jobs.result(id).join();
    assertEquals(result.head(), head);
    result.body().release();
    assertEquals(result(id), "{}");
    assertEquals(jobs.bytes(), 2);
    assertEquals(jobs.delete(id), Optional.empty());
    assertEquals(kind(() -> jobs.describe(id)), ErrorKind.JOB_NOT_FOUND);
    assertEquals(jobs.bytes(), 0);
  }

  @Test(dataProvider = "places")
  public void streamBecomesOneBody(String place) throws Exception {
    use(place);
    inference.hold();
    String id = submit("x");
    FakeInference.Waiting waiting = inference.nextWaiting();
    waiting.sink().chunk(FakeInference.text(), body("a"));
    waiting.sink().chunk(ResponseHead.EMPTY, body("b"));
    waiting.sink().end(body("c"));
    assertEquals(result(id), "abc");
    assertEquals(jobs.bytes(), 3);
  }

  @Test(dataProvider = "places")
  public void errorAndErrorStatusAreFailedJobs(String place) throws Exception {
    use(place);
    inference.hold();
    String id = submit("x");
    inference.nextWaiting().sink().fail(ServingException.ofHandler(422, "no").withDetail("why"));
    assertEquals(status(id), JobStatus.FAILED);
    ServingException error = error(() -> result(id));
    assertEquals(error.httpStatus(), 422);
    assertEquals(error.detail(), Optional.of("why"));
    String other = submit("x");
    inference
        .nextWaiting()
        .sink()
        .complete(new ResponseHead(503, "", ResponseHead.BodyKind.TEXT, List.of()), body("no"));
    assertEquals(status(other), JobStatus.FAILED);
    assertEquals(result(other), "no");
  }

  @Test(dataProvider = "places")
  public void requestThatIsRefusedAtOnceIsNoJob(String place) throws Exception {
    use(place);
    inference.respond(
        (request, sink) -> sink.fail(new ServingException(ErrorKind.MODEL_NOT_FOUND, "none")));
    JobService.Accepted accepted = jobs.submit(requests.predict("m", "x"), JobTarget.MODEL);
    assertEquals(failure(accepted.stored()), ErrorKind.MODEL_NOT_FOUND);
    assertEquals(kind(() -> jobs.describe(accepted.id())), ErrorKind.JOB_NOT_FOUND);
    assertEquals(jobs.bytes(), 0);
    assertEquals(storedFiles(), List.of());
  }

  @Test(dataProvider = "places")
  public void numberOfJobsHasALimitThatEndedOnesCountIn(String place) throws Exception {
    use(place);
    for (int i = 0; i < 3; i++) {
      submit("x");
    }
    ServingException refused =
        error(() -> jobs.submit(requests.predict("m", "x"), JobTarget.MODEL));
    assertEquals(refused.kind(), ErrorKind.TOO_MANY_JOBS);
    assertTrue(refused.retryAfter().isPresent());
    jobs.delete("%032x".formatted(1));
    submit("x");
  }

  @Test
  public void bytesOfRequestsAndResponsesHaveALimit() throws Exception {
    inference.hold();
    String first = submit("x".repeat(60));
    assertEquals(
        kind(() -> jobs.submit(requests.predict("m", "x".repeat(60)), JobTarget.MODEL)),
        ErrorKind.JOB_STORE_FULL);
    // The request's room is free again when its response comes.
    FakeInference.Waiting waiting = inference.nextWaiting();
    waiting.sink().complete(FakeInference.text(), body("y".repeat(90)));
    assertEquals(status(first), JobStatus.SUCCEEDED);
    String second = submit("x");
    inference.nextWaiting().sink().complete(FakeInference.text(), body("y".repeat(20)));
    assertEquals(kind(() -> result(second)), ErrorKind.JOB_STORE_FULL);
    assertEquals(jobs.bytes(), 90);
  }

  @Test
  public void streamIsStoppedWhereItsRoomEnds() throws Exception {
    inference.hold();
    String id = submit("x");
    FakeInference.Waiting waiting = inference.nextWaiting();
    waiting.sink().chunk(FakeInference.text(), body("y".repeat(90)));
    waiting.sink().chunk(ResponseHead.EMPTY, body("y".repeat(20)));
    assertEquals(inference.cancelled.get(), 1);
    assertEquals(kind(() -> result(id)), ErrorKind.JOB_STORE_FULL);
    assertEquals(jobs.bytes(), 0);
  }

  @Test(dataProvider = "places")
  public void cancelReachesTheWorkerAndIsRemembered(String place) throws Exception {
    use(place);
    inference.hold();
    String id = submit("x");
    FakeInference.Waiting waiting = inference.nextWaiting();
    CompletableFuture<JobDescription> waits = jobs.await(id, Duration.ofSeconds(9));
    assertEquals(jobs.delete(id).orElseThrow().status(), JobStatus.CANCELLED);
    assertEquals(inference.cancelled.get(), 1);
    assertEquals(waits.join().status(), JobStatus.CANCELLED);
    assertEquals(kind(() -> result(id)), ErrorKind.JOB_CANCELLED);
    waiting.sink().complete(FakeInference.text(), body("late"));
    assertEquals(status(id), JobStatus.CANCELLED);
    assertEquals(jobs.bytes(), 0);
    assertEquals(jobs.delete(id), Optional.empty());
  }

  @Test(dataProvider = "places")
  public void jobThatHasEndedExpires(String place) throws Exception {
    use(place);
    String id = submit("x");
    time.advance(Duration.ofSeconds(59));
    assertEquals(result(id), "ok");
    time.advance(Duration.ofSeconds(2));
    assertEquals(kind(() -> jobs.describe(id)), ErrorKind.JOB_NOT_FOUND);
    assertEquals(jobs.bytes(), 0);
    assertEquals(storedFiles(), List.of());
  }

  @Test
  public void manyClientsWaitForOneJob() throws Exception {
    inference.hold();
    String id = submit("x");
    List<CompletableFuture<JobDescription>> waits = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      waits.add(jobs.await(id, Duration.ofSeconds(1 + i % 2)));
    }
    waits.get(1).cancel(false);
    time.advance(Duration.ofSeconds(1));
    assertEquals(waits.get(0).join().status(), JobStatus.QUEUED);
    assertFalse(waits.get(3).isDone());
    inference.nextWaiting().sink().complete(FakeInference.text(), body("y"));
    assertEquals(waits.get(3).join().status(), JobStatus.SUCCEEDED);
    // All that is left is the expiry.
    assertEquals(time.pending(), 1);
    assertTrue(jobs.await(id, Duration.ofSeconds(9)).isDone());
  }

  @Test
  public void stopEndsWaitsAndAcceptsNothing() throws Exception {
    inference.hold();
    String id = submit("x");
    CompletableFuture<JobDescription> waits = jobs.await(id, Duration.ofSeconds(9));
    lifecycle.stopAccepting();
    assertEquals(waits.join().status(), JobStatus.QUEUED);
    assertTrue(jobs.await(id, Duration.ofSeconds(9)).isDone());
    assertEquals(
        kind(() -> jobs.submit(requests.predict("m", "x"), JobTarget.MODEL)),
        ErrorKind.SHUTTING_DOWN);
    inference.nextWaiting().sink().complete(FakeInference.text(), body("y"));
    lifecycle.drain(Duration.ofSeconds(5));
    assertEquals(result(id), "y");
  }

  @Test
  public void resultIsThereAfterARestartUntilItExpires() throws Exception {
    openFolder();
    String id = submit("x");
    time.advance(Duration.ofSeconds(30));
    restart();
    assertEquals(result(id), "ok");
    assertEquals(jobs.bytes(), 2);
    time.advance(Duration.ofSeconds(31));
    assertEquals(kind(() -> jobs.describe(id)), ErrorKind.JOB_NOT_FOUND);
    String other = submit("x");
    time.advance(Duration.ofSeconds(59));
    lifecycle.close();
    time = new ManualTime();
    time.advance(Duration.ofDays(1));
    restart();
    assertEquals(kind(() -> jobs.describe(other)), ErrorKind.JOB_NOT_FOUND);
    assertEquals(storedFiles(), List.of());
  }

  @Test
  public void errorIsTheSameAfterARestart() throws Exception {
    openFolder();
    inference.hold();
    String id = submit("x");
    inference
        .nextWaiting()
        .sink()
        .fail(
            ServingException.ofHandler(422, "no")
                .withHeaders(Map.of("x-why", "none"))
                .withDetail("why"));
    restart();
    ServingException error = error(() -> result(id));
    assertEquals(error.httpStatus(), 422);
    assertEquals(error.getMessage(), "no");
    assertEquals(error.detail(), Optional.of("why"));
    assertEquals(error.headers(), Map.of("x-why", "none"));
  }

  @Test
  public void jobThatNoWorkerHadIsRunAfterARestart() throws Exception {
    openFolder();
    inference.hold();
    JobService.Accepted accepted =
        jobs.submit(
            requests.request(
                "m",
                Optional.of("2.0"),
                RequestKind.EXPLAIN,
                List.of(new Header("X-Mine", "é \"1\"")),
                "seven",
                Optional.of(Duration.ofSeconds(7))),
            JobTarget.WORKFLOW);
    accepted.stored().join();
    FakeInference.Seen first = inference.next();
    restart();
    inference.hold();
    assertEquals(status(accepted.id()), JobStatus.QUEUED);
    lifecycle.recover();
    assertEquals(inference.next(), first);
    inference.nextWaiting().sink().complete(FakeInference.text(), body("again"));
    assertEquals(result(accepted.id()), "again");
  }

  @Test
  public void jobThatAWorkerHadIsRunOnceMoreAndThenLost() throws Exception {
    openFolder();
    inference.hold();
    String id = submit("x");
    for (int run = 1; run <= 2; run++) {
      FakeInference.Waiting waiting = inference.nextWaiting();
      waiting.sink().dispatched();
      restart();
      inference.hold();
      lifecycle.recover();
    }
    assertTrue(inference.isEmpty());
    assertEquals(kind(() -> result(id)), ErrorKind.JOB_LOST);
    restart();
    assertEquals(kind(() -> result(id)), ErrorKind.JOB_LOST);
  }

  @Test
  public void jobThatFindsItsQueueFullAfterARestartWaits() throws Exception {
    openFolder();
    inference.hold();
    String id = submit("x");
    restart();
    inference.respond(
        (request, sink) -> sink.fail(new ServingException(ErrorKind.QUEUE_FULL, "full")));
    lifecycle.recover();
    assertEquals(status(id), JobStatus.QUEUED);
    inference.hold();
    time.advance(Duration.ofSeconds(1));
    inference.nextWaiting().sink().complete(FakeInference.text(), body("y"));
    assertEquals(result(id), "y");
  }

  @DataProvider
  Object[][] absent() {
    return new Object[][] {
      {ErrorKind.MODEL_NOT_FOUND},
      {ErrorKind.MODEL_VERSION_NOT_FOUND},
      {ErrorKind.WORKFLOW_NOT_FOUND},
    };
  }

  @Test(dataProvider = "absent")
  public void jobWaitsAfterARestartForWhatItAsksToBeRegistered(ErrorKind why) throws Exception {
    openFolder();
    inference.hold();
    String id = submit("x");
    restart();
    inference.respond((request, sink) -> sink.fail(new ServingException(why, "gone")));
    lifecycle.recover();
    time.advance(Duration.ofSeconds(30));
    assertEquals(status(id), JobStatus.QUEUED);
    inference.hold();
    time.advance(Duration.ofSeconds(10));
    inference.nextWaiting().sink().complete(FakeInference.text(), body("y"));
    assertEquals(result(id), "y");
  }

  @Test
  public void jobOfAModelThatStaysAwayFailsOnceItsLifetimeIsOver() throws Exception {
    openFolder();
    inference.hold();
    String id = submit("x");
    restart();
    inference.respond(
        (request, sink) -> sink.fail(new ServingException(ErrorKind.MODEL_NOT_FOUND, "gone")));
    lifecycle.recover();
    time.advance(Duration.ofSeconds(59));
    assertEquals(status(id), JobStatus.QUEUED);
    time.advance(Duration.ofSeconds(10));
    assertEquals(kind(() -> result(id)), ErrorKind.MODEL_NOT_FOUND);
  }

  @Test
  public void jobThatAServerRefusesSinceItStopsIsLeftToTheNextStart() throws Exception {
    openFolder();
    inference.hold();
    String id = submit("x");
    restart();
    inference.respond(
        (request, sink) -> {
          lifecycle.stopAccepting();
          sink.fail(new ServingException(ErrorKind.SHUTTING_DOWN, "bye"));
        });
    lifecycle.recover();
    restart();
    assertEquals(status(id), JobStatus.QUEUED);
    lifecycle.recover();
    assertEquals(result(id), "ok");
  }

  @Test
  public void jobCanBeCancelledBeforeItIsRunAgain() throws Exception {
    openFolder();
    inference.hold();
    String id = submit("x");
    restart();
    assertEquals(jobs.delete(id).orElseThrow().status(), JobStatus.CANCELLED);
    lifecycle.recover();
    assertTrue(inference.isEmpty());
    assertEquals(jobs.bytes(), 0);
  }

  @Test
  public void stopLeavesWhatDidNotEndToTheNextStart() throws Exception {
    openFolder();
    inference.hold();
    String queued = submit("q");
    String running = submit("r");
    inference.nextWaiting();
    FakeInference.Waiting waiting = inference.nextWaiting();
    waiting.sink().dispatched();
    lifecycle.stopAccepting();
    assertEquals(inference.cancelled.get(), 1);
    lifecycle.drain(Duration.ZERO);
    waiting.sink().fail(new ServingException(ErrorKind.SHUTTING_DOWN, "bye"));
    restart();
    inference.hold();
    lifecycle.recover();
    for (String id : List.of(queued, running)) {
      inference.nextWaiting().sink().complete(FakeInference.text(), body("y"));
      assertEquals(status(id), JobStatus.SUCCEEDED);
    }
  }

  @Test
  public void filesAreTheOwnersAlone() throws Exception {
    openFolder();
    inference.hold();
    submit("x");
    inference.nextWaiting().sink().dispatched();
    submit("y");
    inference.nextWaiting().sink().complete(FakeInference.text(), body("y"));
    assertEquals(
        PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("store"))),
        "rwx------");
    List<String> names = storedFiles();
    assertEquals(names.size(), 3, names.toString());
    for (String name : names) {
      assertEquals(
          PosixFilePermissions.toString(
              Files.getPosixFilePermissions(directory.resolve("store").resolve(name))),
          "rw-------",
          name);
    }
  }

  @Test
  public void filesThatCannotBeReadArePassedOver() throws Exception {
    openFolder();
    String id = submit("x");
    Path store = directory.resolve("store");
    Files.writeString(store.resolve("0".repeat(31) + "a.request"), "no json\n");
    Files.writeString(store.resolve("0".repeat(31) + "b.result"), "{\"format\": 7}\n");
    Files.writeString(store.resolve("notes.txt"), "mine");
    Files.writeString(store.resolve(".job-1.tmp"), "half");
    byte[] whole = Files.readAllBytes(store.resolve(id + ".result"));
    restart();
    assertEquals(result(id), "ok");
    assertFalse(Files.exists(store.resolve(".job-1.tmp")));
    assertTrue(Files.exists(store.resolve("notes.txt")));
    Files.write(store.resolve(id + ".result"), Arrays.copyOf(whole, whole.length - 1));
    restart();
    assertEquals(kind(() -> jobs.describe(id)), ErrorKind.JOB_NOT_FOUND);
    String never = new String(whole, StandardCharsets.UTF_8);
    Files.writeString(
        store.resolve(id + ".result"),
        never.replaceFirst("\"expires\":\"[^\"]*\"", "\"expires\":\"+999999999-01-01T00:00:00Z\""));
    restart();
    assertEquals(kind(() -> jobs.describe(id)), ErrorKind.JOB_NOT_FOUND);
  }

  @Test
  public void requestThatCannotBeWrittenIsRefusedAndNotRun() throws Exception {
    openFolder();
    Path store = directory.resolve("store");
    Path moved = directory.resolve("moved");
    Files.move(store, moved);
    JobService.Accepted accepted = jobs.submit(requests.predict("m", "x"), JobTarget.MODEL);
    assertEquals(failure(accepted.stored()), ErrorKind.JOB_STORE_FULL);
    assertTrue(inference.isEmpty());
    assertEquals(jobs.bytes(), 0);
    Files.move(moved, store);
    inference.hold();
    String id = submit("x");
    Files.move(store, moved);
    inference.nextWaiting().sink().complete(FakeInference.text(), body("kept"));
    // In memory, since the disk does not take it.
    assertEquals(result(id), "kept");
    Files.move(moved, store);
  }

  @Test
  public void abandonedJobLeavesNothing() throws Exception {
    openFolder();
    inference.hold();
    JobService.Accepted accepted = jobs.submit(requests.predict("m", "x"), JobTarget.MODEL);
    jobs.abandon(accepted.id());
    assertEquals(inference.cancelled.get(), 1);
    inference.nextWaiting().sink().complete(FakeInference.text(), body("late"));
    assertEquals(jobs.bytes(), 0);
    assertEquals(storedFiles(), List.of());
    assertEquals(kind(() -> jobs.describe(accepted.id())), ErrorKind.JOB_NOT_FOUND);
  }

  @Test
  public void jobThatIsAbandonedWhileItsRequestIsWrittenGivesItsRoomBackOnce() throws Exception {
    openFolder();
    Queue<Runnable> tasks = new ArrayDeque<>();
    disk = tasks::add;
    JobService.Accepted accepted = jobs.submit(requests.predict("m", "x"), JobTarget.MODEL);
    Path store = directory.resolve("store");
    Path moved = directory.resolve("moved");
    Files.move(store, moved);
    jobs.abandon(accepted.id());
    tasks.remove().run();
    assertEquals(failure(accepted.stored()), ErrorKind.JOB_STORE_FULL);
    assertEquals(jobs.bytes(), 0);
    Files.move(moved, store);
  }

  /** A buffer that cannot be written, since there is no memory for it. */
  private ByteBuf unwritable(int bytes) {
    ByteBuf made =
        new UnpooledHeapByteBuf(UnpooledByteBufAllocator.DEFAULT, bytes, bytes) {
          @Override
          public ByteBuffer[] nioBuffers() {
            throw new OutOfMemoryError("Cannot reserve direct buffer memory");
          }
        };
    bodies.add(made);
    return made.writeZero(bytes);
  }

  @Test
  public void requestThatFindsNoMemoryToBeWrittenIsRefused() throws Exception {
    openFolder();
    InferenceRequest request =
        new InferenceRequest(
            "r1",
            new InferenceRequest.Target("m", Optional.empty()),
            RequestKind.PREDICT,
            new InferenceRequest.Origin(Protocol.HTTP, false),
            List.of(),
            List.of(new InputPart("body", "", unwritable(8))),
            Optional.empty());
    JobService.Accepted accepted = jobs.submit(request, JobTarget.MODEL);
    assertTrue(accepted.stored().isDone());
    assertEquals(failure(accepted.stored()), ErrorKind.JOB_STORE_FULL);
    assertEquals(jobs.bytes(), 0);
    assertEquals(storedFiles(), List.of());
  }

  @Test
  public void resultThatFindsNoMemoryToBeWrittenIsKept() throws Exception {
    // Small ones are copied before.
    int bytes = 100_000;
    limits = new JobLimits(3, bytes, Duration.ofSeconds(60));
    openFolder();
    inference.hold();
    String id = submit("x");
    inference.nextWaiting().sink().complete(FakeInference.text(), unwritable(bytes));
    assertEquals(status(id), JobStatus.SUCCEEDED);
    assertEquals(result(id).length(), bytes);
  }

  private List<String> storedFiles() throws IOException {
    Path store = directory.resolve("store");
    if (!Files.isDirectory(store)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(store)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.equals(".jobs.lock"))
          .sorted()
          .toList();
    }
  }
}
