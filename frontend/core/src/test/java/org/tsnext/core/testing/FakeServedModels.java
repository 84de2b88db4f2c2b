package org.tsnext.core.testing;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tsnext.core.model.ServedModels;

/**
 * The names of the model {@code cats}, whose handler serves chats: its own, and {@code acme/cats}.
 */
public final class FakeServedModels implements ServedModels {

  private static final Instant SINCE = Instant.ofEpochSecond(1_900_000_000);
  private static final Set<String> ROUTES = Set.of("v1/chat/completions");

  @Override
  public List<ServedModel> all() {
    return List.of(served("acme/cats"), served("cats"));
  }

  @Override
  public Optional<ServedModel> find(String name) {
    return all().stream().filter(model -> model.id().equals(name)).findFirst();
  }

  private static ServedModel served(String id) {
    return new ServedModel(id, "cats", Optional.empty(), SINCE, Optional.of(ROUTES));
  }
}
