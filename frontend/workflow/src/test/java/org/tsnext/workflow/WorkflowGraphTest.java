package org.tsnext.workflow;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

public class WorkflowGraphTest {

  @Test
  public void graphKnowsWhatComesBeforeAndAfterEachNode() {
    Map<String, List<String>> edges = new LinkedHashMap<>();
    edges.put("pre", List.of("a", "b"));
    edges.put("a", List.of("join"));
    edges.put("b", List.of("join"));
    edges.put("join", List.of());
    WorkflowGraph graph = WorkflowGraph.of(edges);
    assertEquals(graph.start(), "pre");
    assertEquals(graph.childrenOf("pre"), List.of("a", "b"));
    assertEquals(graph.parentsOf("join"), List.of("a", "b"));
    assertEquals(graph.parentsOf("pre"), List.of());
  }

  @DataProvider
  public Object[][] refused() {
    return new Object[][] {
      {Map.of(), "DAG should have only one start node", "none"},
      {
        Map.of("a", List.of("c"), "b", List.of("c"), "c", List.of()),
        "DAG should have only one start node",
        "2: "
      },
      {Map.of("a", List.of("a")), "Self loop exception", "Node a comes after itself"},
      {Map.of("a", List.of("b", "b"), "b", List.of()), "loop exception", "twice"},
      {Map.of("s", List.of("a"), "a", List.of("b"), "b", List.of("a")), "Not a valid DAG", "a, b"},
      {Map.of("a", List.of("b"), "b", List.of("a")), "Not a valid DAG", "a, b"},
    };
  }

  @Test(dataProvider = "refused")
  public void graphsThatCannotBeRunAreRefused(
      Map<String, List<String>> edges, String text, String detail) {
    ServingException error = expectThrows(ServingException.class, () -> WorkflowGraph.of(edges));
    assertEquals(error.kind(), ErrorKind.INVALID_WORKFLOW_GRAPH);
    assertEquals(error.getMessage(), text);
    assertTrue(error.detail().orElseThrow().contains(detail), error.detail().get());
  }

  @Test
  public void chainsAreLimited() {
    assertEquals(WorkflowGraph.of(chain(WorkflowGraph.MAX_DEPTH)).start(), "n0");
    ServingException error =
        expectThrows(
            ServingException.class, () -> WorkflowGraph.of(chain(WorkflowGraph.MAX_DEPTH + 1)));
    assertEquals(error.getMessage(), "Not a valid DAG");
  }

  private static Map<String, List<String>> chain(int length) {
    Map<String, List<String>> edges = new LinkedHashMap<>();
    for (int i = 0; i < length; i++) {
      List<String> next = new ArrayList<>();
      if (i + 1 < length) {
        next.add("n" + (i + 1));
      }
      edges.put("n" + i, next);
    }
    return edges;
  }
}
