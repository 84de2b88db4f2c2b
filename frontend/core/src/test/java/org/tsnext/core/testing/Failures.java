package org.tsnext.core.testing;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** Reads what a future failed with. */
public final class Failures {

  private Failures() {}

  /** The error itself, not wrapped in anything. */
  public static ServingException of(CompletableFuture<?> future) {
    assertTrue(future.isCompletedExceptionally(), "has not failed");
    AtomicReference<Throwable> failure = new AtomicReference<>();
    CompletableFuture<?> unused = future.whenComplete((value, thrown) -> failure.set(thrown));
    return (ServingException) failure.get();
  }

  /** Asserts kind and message. */
  public static void expect(CompletableFuture<?> future, ErrorKind kind, String message) {
    assertEquals(of(future).getMessage(), message);
    assertEquals(of(future).kind(), kind);
  }
}
