package org.tsnext.workflow;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * Which node's response goes to which nodes: one node at the start, no cycle, limited depth.
 *
 * @param start the node that gets what the client sent
 * @param children of each node, in the order of the specification
 * @param parents of each node, in the order of the specification
 */
record WorkflowGraph(
    String start, Map<String, List<String>> children, Map<String, List<String>> parents) {

  /** Nodes on the longest way from the start, at most. */
  static final int MAX_DEPTH = 32;

  WorkflowGraph {
    children = Map.copyOf(children);
    parents = Map.copyOf(parents);
  }

  /**
   * Checks the edges. The first sentence of each refusal is that of TorchServe 0.12.
   *
   * @param edges the nodes that come after each node; every node is a key
   * @throws ServingException INVALID_WORKFLOW_GRAPH, with the nodes concerned
   */
  static WorkflowGraph of(Map<String, List<String>> edges) {
    Map<String, List<String>> parents = new LinkedHashMap<>();
    edges.keySet().forEach(node -> parents.put(node, new ArrayList<>()));
    edges.forEach(
        (node, next) -> {
          if (new HashSet<>(next).size() < next.size()) {
            throw invalid("loop exception", "Node " + node + " names a node twice: " + next + ".");
          }
          for (String child : next) {
            if (child.equals(node)) {
              throw invalid("Self loop exception", "Node " + node + " comes after itself.");
            }
            parents.get(child).add(node);
          }
        });
    List<String> starts =
        parents.entrySet().stream()
            .filter(entry -> entry.getValue().isEmpty())
            .map(Map.Entry::getKey)
            .toList();
    requireAcyclic(edges, parents, starts);
    if (starts.size() != 1) {
      throw invalid(
          "DAG should have only one start node",
          "It has "
              + (starts.isEmpty() ? "none" : starts.size() + ": " + String.join(", ", starts))
              + ", expected one node that comes after no other.");
    }
    return new WorkflowGraph(starts.get(0), edges, parents);
  }

  List<String> childrenOf(String node) {
    return children.get(node);
  }

  List<String> parentsOf(String node) {
    return parents.get(node);
  }

  /** Takes off nodes without parents, until none is left or only cycles are. */
  private static void requireAcyclic(
      Map<String, List<String>> edges, Map<String, List<String>> parents, List<String> starts) {
    Map<String, Integer> waiting = new HashMap<>();
    parents.forEach((node, before) -> waiting.put(node, before.size()));
    Map<String, Integer> depth = new LinkedHashMap<>();
    Deque<String> free = new ArrayDeque<>(starts);
    starts.forEach(node -> depth.put(node, 1));
    int taken = 0;
    while (!free.isEmpty()) {
      String node = free.remove();
      taken++;
      if (depth.get(node) > MAX_DEPTH) {
        throw invalid(
            "Not a valid DAG",
            "More than " + MAX_DEPTH + " nodes come one after another, up to " + node + ".");
      }
      for (String child : edges.get(node)) {
        depth.merge(child, depth.get(node) + 1, Math::max);
        if (waiting.merge(child, -1, Integer::sum) == 0) {
          free.add(child);
        }
      }
    }
    if (taken < edges.size()) {
      List<String> left =
          waiting.entrySet().stream()
              .filter(entry -> entry.getValue() > 0)
              .map(Map.Entry::getKey)
              .sorted()
              .toList();
      throw invalid(
          "Not a valid DAG",
          "There is a cycle; in it or after it: " + String.join(", ", left) + ".");
    }
  }

  private static ServingException invalid(String text, String detail) {
    return new ServingException(ErrorKind.INVALID_WORKFLOW_GRAPH, text).withDetail(detail);
  }
}
