package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.util.Optional;
import java.util.OptionalInt;
import org.testng.annotations.Test;
import org.tsnext.server.Descriptors.Connections;
import org.tsnext.server.Descriptors.Shares;

public class DescriptorsTest {
  private static final Connections DEFAULTS = new Connections(10_000, 10_000, 1_000, 100);

  /** What has to be left for files, event loops and the least of workers. */
  private static final int KEPT = 190 + 3 * 4 + 32;

  private static Shares share(int limit, Connections wanted, boolean grpc) {
    return new Descriptors(OptionalInt.of(limit), 4).share(wanted, grpc);
  }

  @Test
  public void noLimitChangesNothing() {
    Shares shares = new Descriptors(OptionalInt.empty(), 4).share(DEFAULTS, true);
    assertEquals(shares, new Shares(DEFAULTS, Optional.empty(), Optional.empty()));
    assertEquals(share(1 << 20, DEFAULTS, true).allowed(), DEFAULTS);
    assertEquals(share(1 << 20, DEFAULTS, true).warning(), Optional.empty());
  }

  @Test
  public void whatDoesNotFitIsCutWithOneWarning() {
    Shares shares = share(1024, DEFAULTS, false);
    assertTrue(shares.allowed().inference() > 450, shares.toString());
    assertEquals(
        shares.warning().orElseThrow(),
        "ulimit -n = 1024 has no room for the connections that are configured:"
            + " inference_max_connections = 10000 is cut to "
            + shares.allowed().inference()
            + ", management_max_connections = 1000 is cut to "
            + shares.allowed().management()
            + ", metrics_max_connections = 100 is cut to "
            + shares.allowed().metrics());
    assertEquals(share(1024, new Connections(50, 50, 20, 10), true).warning(), Optional.empty());
  }

  @Test
  public void allListenersTogetherLeaveTheReserve() {
    for (int limit = 278; limit < 100_000; limit += 61) {
      for (int wanted : new int[] {0, 10, 10_000}) {
        for (boolean grpc : new boolean[] {false, true}) {
          Shares shares = share(limit, new Connections(wanted, wanted, wanted, wanted), grpc);
          Connections allowed = shares.allowed();
          assertEquals(shares.shortage(), Optional.empty(), "limit " + limit);
          assertTrue(allowed.inference() >= Math.min(10, limit), shares.toString());
          int all = allowed.inference() + allowed.management() + allowed.metrics();
          if (grpc) {
            assertTrue(allowed.grpcInference() >= 8, shares.toString());
            all += allowed.grpcInference() + allowed.management();
          }
          assertTrue(all + KEPT <= limit, all + " of " + limit + ": " + shares);
        }
      }
    }
  }

  @Test
  public void tooFewAreSaidInOneLine() {
    Shares shares = share(200, DEFAULTS, true);
    assertEquals(
        shares.shortage().orElseThrow(),
        "Too few file descriptors: ulimit -n is 200, expected 278 or more");
    assertEquals(shares.warning(), shares.shortage());
    assertFalse(share(278, DEFAULTS, true).shortage().isPresent());
  }
}
