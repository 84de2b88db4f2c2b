package org.tsnext.core.error;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertSame;

import java.util.Optional;
import org.testng.annotations.Test;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;

/** Errors as they are, and as TorchServe 0.12 showed them. */
public class ErrorFormTest {

  private static final ErrorForm OURS = ErrorForm.next(true);
  private static final ErrorForm ORIGINAL = new ErrorForm(true, Compatibility.ORIGINAL);

  @Test
  public void timeoutIsTheDeathOfItsWorkerInTheOriginal() {
    ServingException timeout = new ServingException(ErrorKind.RESPONSE_TIMEOUT, "No word in 1 s.");
    assertSame(OURS.shown(timeout), timeout);
    ServingException shown = ORIGINAL.shown(timeout);
    assertEquals(shown.httpStatus(), 500);
    assertEquals(shown.getMessage(), "Worker died.");
    assertEquals(ORIGINAL.type(shown), "InternalServerException");
  }

  @Test
  public void otherMessageOfTheOriginalIsKeptBesideOurs() {
    ServingException full =
        new ServingException(ErrorKind.QUEUE_FULL, "100 wait.").withOriginalMessage("No worker.");
    assertEquals(OURS.shown(full).getMessage(), "100 wait.");
    assertEquals(ORIGINAL.shown(full).getMessage(), "No worker.");
    assertEquals(ORIGINAL.shown(full).httpStatus(), 503);
  }

  @Test
  public void errorOfAHandlerHasOneTypeInTheOriginal() {
    ServingException teapot = ServingException.ofHandler(418, "no");
    assertEquals(OURS.type(teapot), "BadRequestException");
    assertEquals(ORIGINAL.type(teapot), "InternalServerException");
  }

  @Test
  public void detailSaysWhatBringsTheOldAnswerBack() {
    ServingException refused =
        new ServingException(ErrorKind.TOKEN_MISSING, "no")
            .withDetail("No token.")
            .withDeviation(Deviation.TOKEN_STATUS);
    assertEquals(
        OURS.detail(refused),
        Optional.of(
            "No token. TorchServe 0.12 answered otherwise; token_failures_as_400=true brings that"
                + " back."));
    assertEquals(OURS.detail(refused.withDetail("No token")), OURS.detail(refused));
    assertEquals(ORIGINAL.detail(refused), Optional.of("No token."));
    assertEquals(
        OURS.detail(new ServingException(ErrorKind.RESPONSE_TIMEOUT, "late")),
        Optional.of("TorchServe 0.12 answered otherwise; compatibility=0.12 brings that back."));
    assertEquals(ErrorForm.next(false).detail(refused), Optional.empty());
  }
}
