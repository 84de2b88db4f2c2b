package org.tsnext.server.logging;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class DeclaredUnitsTest {
  private Path file;

  @BeforeMethod
  public void makeFile() throws IOException {
    file = Files.createTempFile("metrics", ".yaml");
  }

  @AfterMethod
  public void removeFile() throws IOException {
    Files.delete(file);
  }

  @Test
  public void unitsOfModelMetricsOfAllTypesAreRead() throws IOException {
    Files.writeString(
        file,
        """
        dimensions: [&level "Level"]
        ts_metrics:
          counter: [{name: Requests2XX, unit: Count, dimensions: [*level]}]
        model_metrics:
          counter:
          gauge: [{name: HandlerTime, unit: ms, dimensions: [*level]}]
          histogram: [{name: Size, unit: MB, dimensions: []}]
        """);
    assertEquals(DeclaredUnits.read(file), Map.of("HandlerTime", "ms", "Size", "MB"));
  }

  @Test
  public void emptyFileDeclaresNothing() throws IOException {
    assertEquals(DeclaredUnits.read(file), Map.of());
  }

  private static String laughs() {
    StringBuilder text = new StringBuilder("a0: &a0 [x, x]\n");
    for (int i = 1; i < 100; i++) {
      text.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
    }
    return text.toString();
  }

  @DataProvider
  public Object[][] broken() {
    return new Object[][] {
      {"- a"},
      {"model_metrics: 3"},
      {"model_metrics: {gauge: 3}"},
      {"model_metrics: {gauge: [{name: a}]}"},
      {"model_metrics: {gauge: [{name: '', unit: ms}]}"},
      {"a: ["},
      {"model_metrics: !!java.io.File [/tmp]"},
      {"a: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[]]]"},
      {"a: !!int x"},
      {"a: " + "[".repeat(1000)},
      {"a: '" + "x".repeat(1 << 20) + "'"},
      {laughs()},
    };
  }

  @Test(dataProvider = "broken", timeOut = 60_000)
  public void brokenFileIsRefused(String text) throws IOException {
    Files.writeString(file, text);
    expectThrows(IOException.class, () -> DeclaredUnits.read(file));
  }
}
