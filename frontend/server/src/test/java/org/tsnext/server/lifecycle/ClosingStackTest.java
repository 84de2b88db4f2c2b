package org.tsnext.server.lifecycle;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.expectThrows;

import java.util.ArrayList;
import java.util.List;
import org.testng.annotations.Test;

public class ClosingStackTest {
  private final List<String> closed = new ArrayList<>();

  @Test
  public void partsAreClosedOnceInReverseAlsoAroundOneThatFails() {
    ClosingStack stack = new ClosingStack();
    stack.add("first", () -> closed.add("first"));
    stack.add(
        "second",
        () -> {
          throw new IllegalStateException("cannot");
        });
    stack.add("third", () -> closed.add("third"));
    stack.close();
    stack.close();
    assertEquals(closed, List.of("third", "first"));
  }

  @Test
  public void errorOfOnePartDoesNotKeepTheOthersOpen() {
    List<String> others = new ArrayList<>();
    ClosingStack stack = new ClosingStack();
    stack.add("first", () -> others.add("first"));
    stack.add(
        "second",
        () -> {
          throw new NoClassDefFoundError("cannot");
        });
    stack.close();
    assertEquals(others, List.of("first"));
  }

  @Test
  public void partThatComesTooLateIsClosedAtOnce() {
    List<String> late = new ArrayList<>();
    ClosingStack stack = new ClosingStack();
    stack.close();
    expectThrows(IllegalStateException.class, () -> stack.add("late", () -> late.add("late")));
    assertEquals(late, List.of("late"));
  }
}
