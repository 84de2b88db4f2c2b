package org.tsnext.core.worker;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Deals out GPUs to new workers: one each, or groups that a worker has for itself; those that the
 * fewest workers have, in turn. Models that name no devices share one rotation over all GPUs; a
 * model with its own list, or with groups, has its own. A worker keeps its devices when it is
 * restarted. Safe for any thread.
 */
public final class GpuRotation {

  private final List<List<Integer>> groups;
  private final boolean exclusive;

  /** Workers of each group. */
  @GuardedBy("this")
  private final int[] users;

  /** Where the search for the next group begins. */
  @GuardedBy("this")
  private int next;

  private GpuRotation(List<List<Integer>> groups, boolean exclusive) {
    this.groups = List.copyOf(groups);
    this.exclusive = exclusive;
    this.users = new int[groups.size()];
  }

  /** Over all GPUs of the machine, 0 and up. */
  public static GpuRotation all(int gpuCount) {
    return of(IntStream.range(0, gpuCount).boxed().toList());
  }

  /** Over some GPUs; over none for a model that runs on the CPU. */
  public static GpuRotation of(List<Integer> devices) {
    return new GpuRotation(devices.stream().map(List::of).toList(), false);
  }

  /** Over groups of {@code size} GPUs; a rest that is no group is not used. */
  public static GpuRotation groups(List<Integer> devices, int size) {
    List<List<Integer>> groups = new ArrayList<>();
    for (int from = 0; from + size <= devices.size(); from += size) {
      groups.add(List.copyOf(devices.subList(from, from + size)));
    }
    return new GpuRotation(groups, true);
  }

  /** The next device, the first one of its group; or empty for the CPU. */
  synchronized OptionalInt take() {
    if (groups.isEmpty()) {
      return OptionalInt.empty();
    }
    int best = next;
    for (int i = 1; i < users.length; i++) {
      int other = (next + i) % users.length;
      best = users[other] < users[best] ? other : best;
    }
    users[best]++;
    next = (best + 1) % users.length;
    return OptionalInt.of(groups.get(best).get(0));
  }

  /** The worker that was dealt {@code device} goes. */
  synchronized void giveBack(OptionalInt device) {
    for (int i = 0; device.isPresent() && i < users.length; i++) {
      if (users[i] > 0 && groups.get(i).get(0) == device.getAsInt()) {
        users[i]--;
        return;
      }
    }
  }

  /** The GPUs that a worker may see that was dealt {@code device}; empty if it may see all. */
  List<Integer> visibleTo(OptionalInt device) {
    if (!exclusive || device.isEmpty()) {
      return List.of();
    }
    return groups.stream()
        .filter(group -> group.get(0) == device.getAsInt())
        .findFirst()
        .orElseThrow();
  }
}
