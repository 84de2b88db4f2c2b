package org.tsnext.server;

import static org.testng.Assert.assertEquals;

import java.util.Map;
import java.util.Optional;
import org.testng.annotations.Test;

public class OperatorEnvironmentTest {
  private static final Map<String, String> OF_THE_JVM = Map.of("LC_ALL", "C.UTF-8", "LANG", "C");

  @Test
  public void localeThatWasSetForTheJvmIsGivenBack() {
    assertEquals(
        OperatorEnvironment.of(OF_THE_JVM, Optional.of("de_DE.ISO-8859-1")),
        Map.of("LC_ALL", "de_DE.ISO-8859-1", "LANG", "C"));
    assertEquals(OperatorEnvironment.of(OF_THE_JVM, Optional.of("")), Map.of("LANG", "C"));
  }

  @Test
  public void operatorsOwnLocaleStays() {
    assertEquals(OperatorEnvironment.of(OF_THE_JVM, Optional.empty()), OF_THE_JVM);
  }
}
