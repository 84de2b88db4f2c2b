package org.tsnext.workflow;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.core.testing.FakeInference;
import org.tsnext.core.testing.RecordingSink;
import org.tsnext.workflow.WorkflowService.WorkflowEntry;

public class WorkflowsTest {

  private static final String SPEC =
      """
      models:
        min-workers: 1
        max-workers: 3
        m1: {url: m1.mar, batch-size: 4}
      dag:
        pre: [m1]
      """;

  private Path folder;
  private WorkflowFixture fixture;

  @BeforeMethod
  public void setUp() throws IOException {
    folder = Files.createTempDirectory("workflow");
    WorkflowFixture.write(folder, SPEC);
    fixture = new WorkflowFixture(folder, Compatibility.NEXT);
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    WorkflowFixture.remove(folder);
  }

  @Test
  public void nodesBecomeModelsWithTheirOptions() {
    assertEquals(fixture.register().join(), "pipe");
    RegisterModel function = registered("pipe__pre");
    assertEquals(function.handler(), Optional.of("functions.py:pre"));
    assertEquals(function.source().url(), folder.toString());
    assertEquals(function.origin(), RegisterModel.Origin.WORKFLOW_FUNCTION);
    RegisterModel model = registered("pipe__m1");
    assertEquals(model.source().url(), "m1.mar");
    assertEquals(model.requested().batchSize().getAsInt(), 4);
    assertEquals(model.requested().maxBatchDelay(), Optional.of(Duration.ofMillis(50)));
    assertEquals(model.requested().initialWorkers().getAsInt(), 1);
    assertEquals(model.origin(), RegisterModel.Origin.WORKFLOW_MODEL);
    assertEquals(fixture.models.scaled, List.of("pipe__m1 1..3"));
    assertEquals(fixture.workflows.list(), List.of(new WorkflowEntry("pipe", "pipe.war")));
  }

  @Test
  public void withTheSwitchANodeStartsWithMaxWorkers() {
    WorkflowFixture original = new WorkflowFixture(folder, Compatibility.ORIGINAL);
    original.register().join();
    RegisterModel model =
        original.models.registered.stream()
            .filter(one -> one.modelName().equals(Optional.of("pipe__m1")))
            .findFirst()
            .orElseThrow();
    assertEquals(model.requested().initialWorkers().getAsInt(), 3);
  }

  @Test
  public void nothingStaysOfARegistrationThatFails() {
    fixture.models.failing = "pipe__m1";
    ServingException error = failure(fixture.register());
    assertEquals(error.kind(), ErrorKind.WORKFLOW_NOT_REGISTERED);
    assertEquals(
        error.getMessage(),
        "Workflow pipe has failed to register. Failures: [m1: Load model failed]");
    assertEquals(error.detail(), Optional.of("m1: KeyError: 'vocab'"));
    assertEquals(fixture.models.removed, List.of("pipe__pre"));
    assertEquals(fixture.folders.open, 0);
    assertTrue(fixture.workflows.list().isEmpty());
    fixture.models.failing = "";
    assertEquals(fixture.register().join(), "pipe");
  }

  @Test
  public void nameIsTakenOnce() {
    fixture.register().join();
    ServingException error = failure(fixture.register());
    assertEquals(error.kind(), ErrorKind.CONFLICT);
    assertEquals(error.getMessage(), "Workflow pipe is already registered.");
    assertEquals(fixture.folders.open, 1);
  }

  @Test
  public void unregisteringWaitsForWhatRuns() throws Exception {
    fixture.register().join();
    fixture.inference.hold();
    RecordingSink running = new RecordingSink();
    fixture.submit("x", running);
    CompletableFuture<Void> gone = fixture.workflows.unregister("pipe");
    assertFalse(gone.isDone());
    RecordingSink late = new RecordingSink();
    fixture.submit("x", late);
    assertEquals(late.errorKind(), Optional.of(ErrorKind.WORKFLOW_NOT_FOUND));
    fixture
        .inference
        .nextWaiting()
        .sink()
        .complete(FakeInference.text(), WorkflowFixture.buffer("y"));
    fixture
        .inference
        .nextWaiting()
        .sink()
        .complete(FakeInference.text(), WorkflowFixture.buffer("z"));
    assertTrue(gone.isDone());
    assertEquals(running.body(), Optional.of("z"));
    assertEquals(fixture.folders.open, 0);
    assertEquals(
        fixture.models.removed.stream().sorted().toList(), List.of("pipe__m1", "pipe__pre"));
  }

  @Test
  public void unregisteringWaitsNoLongerThanItsLimit() throws Exception {
    fixture.register().join();
    fixture.inference.hold();
    fixture.submit("x", new RecordingSink());
    CompletableFuture<Void> gone = fixture.workflows.unregister("pipe");
    fixture.time.advance(Duration.ofSeconds(30));
    assertTrue(gone.isDone());
  }

  @Test
  public void unknownWorkflowIsNamed() {
    assertEquals(
        failure(fixture.workflows.unregister("other")).getMessage(), "Workflow not found: other");
    assertEquals(
        expectThrows(ServingException.class, () -> fixture.workflows.describe("other")).kind(),
        ErrorKind.WORKFLOW_NOT_FOUND);
  }

  @Test
  public void functionWithoutAHandlerFileIsRefused() throws IOException {
    Files.delete(folder.resolve("functions.py"));
    ServingException error = failure(fixture.register());
    assertEquals(error.kind(), ErrorKind.INVALID_WORKFLOW);
    assertTrue(error.getMessage().contains("The node pre is not in models"), error.getMessage());
    assertEquals(fixture.folders.open, 0);
  }

  private RegisterModel registered(String name) {
    return fixture.models.registered.stream()
        .filter(one -> one.modelName().equals(Optional.of(name)))
        .findFirst()
        .orElseThrow();
  }

  private static ServingException failure(CompletableFuture<?> future) {
    CompletionException failure = expectThrows(CompletionException.class, future::join);
    return (ServingException) failure.getCause();
  }
}
