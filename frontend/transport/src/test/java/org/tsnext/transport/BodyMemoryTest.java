package org.tsnext.transport;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import org.testng.annotations.Test;

public class BodyMemoryTest {

  private static final int SMALL = BodyMemory.MAX_SMALL;
  private static final long LIMIT = 64L * SMALL;
  private static final long SHARE = LIMIT / 8;

  private BodyMemory empty() {
    return new BodyMemory(LIMIT);
  }

  @Test
  public void smallBodiesHaveAnEighthAndNotMore() {
    BodyMemory small = empty();
    for (int i = 0; i < SHARE / SMALL; i++) {
      assertTrue(small.take(SMALL), "body " + i);
    }
    assertFalse(small.hasRoom(1));
    assertFalse(small.take(1));
    assertEquals(small.held(), SHARE);
    assertTrue(small.take(SMALL + 1), "small ones take nothing of what is for large ones");
  }

  @Test
  public void requestWithoutABodyNeedsNoRoomHoweverManyResponsesWait() {
    BodyMemory full = empty();
    for (int i = 0; i <= SHARE / SMALL; i++) {
      full.count(SMALL);
    }
    assertTrue(full.hasRoom(0));
    assertFalse(full.hasRoom(1));
  }

  @Test
  public void largeBodiesCannotShutSmallOnesOut() {
    BodyMemory large = empty();
    assertTrue(large.take(LIMIT));
    assertFalse(large.take(SMALL + 1));
    assertTrue(large.take(SMALL));
  }

  @Test
  public void bodyThatProvesToBeLargeMovesWithAllItHas() {
    BodyMemory moving = empty();
    BodyRoom room = moving.begin(0);
    assertTrue(room.grow(SMALL));
    assertEquals(moving.small().held(), SMALL);
    assertTrue(room.grow(SMALL + 1));
    assertEquals(moving.small().held(), 0);
    assertEquals(moving.large().held(), SMALL + 1);
    room.release();
    room.release();
    assertEquals(moving.held(), 0);
  }

  @Test
  public void bodyOfADeclaredLengthTakesNothingFromSmallOnes() {
    BodyMemory declared = empty();
    BodyRoom room = declared.begin(SMALL + 1);
    assertTrue(room.grow(10));
    assertEquals(declared.small().held(), 0);
    assertEquals(declared.large().held(), 10);
  }

  @Test
  public void bodyThatFindsNoRoomKeepsWhatItHad() {
    BodyMemory full = empty();
    assertTrue(full.take(LIMIT));
    BodyRoom room = full.begin(0);
    assertTrue(room.grow(100));
    assertFalse(room.grow(SMALL + 1));
    assertEquals(full.small().held(), 100);
    room.release();
    assertEquals(full.held(), LIMIT);
  }

  @Test
  public void oneSmallBodyFindsRoomHoweverSmallTheLimit() {
    assertTrue(new BodyMemory(100).take(SMALL));
  }
}
