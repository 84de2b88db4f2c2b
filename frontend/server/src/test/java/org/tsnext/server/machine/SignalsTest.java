package org.tsnext.server.machine;

import static org.testng.Assert.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.testng.annotations.Test;

public class SignalsTest {
  @Test
  public void firstSignalStopsAndLaterOnesHalt() {
    List<String> calls = new ArrayList<>();
    Signals signals =
        new Signals(status -> calls.add("stop " + status), status -> calls.add("halt " + status));
    signals.arrived(15);
    signals.arrived(2);
    signals.arrived(15);
    assertEquals(calls, List.of("stop 143", "halt 130", "halt 143"));
  }
}
