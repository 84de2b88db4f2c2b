package org.tsnext.core.model;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.util.List;
import java.util.Optional;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Names by which clients of the OpenAI API ask for models. */
public class ServedNamesTest {

  private ServedNames names;

  @BeforeMethod
  public void makeNames() {
    names = new ServedNames();
  }

  private void claim(String model, String version, String... served) {
    names.claim(model, version, List.of(served), name -> name.equals("registered"));
  }

  @Test
  public void nameLeadsToItsModelUntilEachVersionHasReleasedIt() {
    claim("m", "1", "acme/m", "m");
    claim("m", "2", "acme/m");
    assertEquals(names.modelOf("acme/m"), Optional.of("m"));
    assertEquals(names.versionsOf("acme/m"), List.of("1", "2"));
    names.release("m", "1");
    assertEquals(names.versionsOf("acme/m"), List.of("2"));
    assertEquals(names.modelOf("m"), Optional.empty());
    names.release("m", "2");
    assertTrue(names.all().isEmpty());
  }

  @Test
  public void nameOfAnotherModelIsRefusedAndNothingOfTheClaimStays() {
    claim("m", "1", "acme/m");
    ServingException error =
        expectThrows(ServingException.class, () -> claim("n", "1", "free", "acme/m"));
    assertEquals(error.kind(), ErrorKind.CONFLICT);
    assertEquals(
        error.getMessage(),
        "servedModelName of model n is \"acme/m\", but model m has it as servedModelName.");
    assertEquals(names.modelOf("free"), Optional.empty());
  }

  @Test
  public void servedNameMayNotBeThatOfARegisteredModelNorTheOtherWayRound() {
    assertEquals(
        expectThrows(ServingException.class, () -> claim("n", "1", "registered")).getMessage(),
        "servedModelName of model n is \"registered\", but a model is registered under it.");
    claim("m", "1", "other");
    assertEquals(
        expectThrows(ServingException.class, () -> claim("other", "1")).getMessage(),
        "The model name \"other\" is taken: model m has it as servedModelName.");
  }
}
