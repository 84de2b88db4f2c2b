package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertSame;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.Test;

/** The environment of SageMaker's containers. */
public class SageMakerTest {
  private static final SageMaker MANY = SageMaker.of(Map.of("SAGEMAKER_MULTI_MODEL", "true"));

  private static Path emptyStore() throws IOException {
    Path store = Files.createTempDirectory("tsnext-sagemaker-test");
    store.toFile().deleteOnExit();
    return store;
  }

  @Test
  public void missingPlaceholderOfManyModelsIsNoModel() throws IOException {
    Optional<Path> store = Optional.of(emptyStore());

    assertEquals(MANY.withoutPlaceholder(List.of("model.mar"), store), List.of());
    assertEquals(MANY.withoutPlaceholder(List.of("model.mar", "a.mar"), store), List.of("a.mar"));
  }

  @Test
  public void archiveThatIsThereIsLoaded() throws IOException {
    Path store = emptyStore();
    Files.createFile(store.resolve("model.mar")).toFile().deleteOnExit();
    List<String> words = List.of("model.mar");

    assertSame(MANY.withoutPlaceholder(words, Optional.of(store)), words);
  }

  @Test
  public void missingModelOfOneModelOrOfAnotherNameIsNotHidden() throws IOException {
    Optional<Path> store = Optional.of(emptyStore());
    List<String> words = List.of("model.mar");

    for (Map<String, String> environment :
        List.of(Map.<String, String>of(), Map.of("SAGEMAKER_MULTI_MODEL", "false"))) {
      assertSame(SageMaker.of(environment).withoutPlaceholder(words, store), words);
    }
    assertEquals(MANY.withoutPlaceholder(List.of("cats.mar"), store), List.of("cats.mar"));
  }

  @Test
  public void memoryIsCheckedWhereModelsCanBeUnloadedForIt() {
    assertEquals(MANY.memoryFactor(), 1.0);
    assertEquals(SageMaker.of(Map.of()).memoryFactor(), 0.0);
  }
}
