package org.tsnext.core.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/**
 * Which model has which of the further names that clients use. No two models have one in common.
 * Reading takes no lock; changes are made one at a time, by the registry.
 */
final class ServedNames {

  /**
   * Who has a name.
   *
   * @param versions in the order in which they claimed it
   */
  private record Owner(String modelName, List<String> versions) {}

  private final Map<String, Owner> owners = new ConcurrentHashMap<>();

  /**
   * Keeps names for a version until {@link #release}: all of them or none.
   *
   * @param isModel whether a model is registered under a name
   * @throws ServingException 409 if another model has one of them, or is called so
   */
  void claim(String model, String version, List<String> names, Predicate<String> isModel) {
    requireFree(model);
    for (String name : names) {
      Owner owner = owners.get(name);
      if (owner != null && !owner.modelName().equals(model)) {
        throw taken(model, name, "model " + owner.modelName() + " has it as servedModelName");
      }
      if (!name.equals(model) && isModel.test(name)) {
        throw taken(model, name, "a model is registered under it");
      }
    }
    for (String name : names) {
      owners.merge(
          name,
          new Owner(model, List.of(version)),
          (before, one) -> new Owner(model, with(before.versions(), version)));
    }
  }

  private void requireFree(String modelName) {
    Owner owner = owners.get(modelName);
    if (owner != null && !owner.modelName().equals(modelName)) {
      throw new ServingException(
              ErrorKind.CONFLICT,
              "The model name \""
                  + modelName
                  + "\" is taken: model "
                  + owner.modelName()
                  + " has it as servedModelName.")
          .withDetail("Choose another name with model_name, or unregister that model first.");
    }
  }

  private static ServingException taken(String modelName, String name, String why) {
    return new ServingException(
            ErrorKind.CONFLICT,
            "servedModelName of model " + modelName + " is \"" + name + "\", but " + why + ".")
        .withDetail("A name leads to one model: change model-config.yaml of one of them.");
  }

  /** The version has none of its names any more. Does nothing if it had none. */
  void release(String modelName, String version) {
    owners.forEach(
        (name, owner) -> {
          if (owner.modelName().equals(modelName) && owner.versions().contains(version)) {
            List<String> left = new ArrayList<>(owner.versions());
            left.remove(version);
            if (left.isEmpty()) {
              owners.remove(name);
            } else {
              owners.put(name, new Owner(modelName, List.copyOf(left)));
            }
          }
        });
  }

  /** The registered name of the model that has a name. */
  Optional<String> modelOf(String name) {
    return Optional.ofNullable(owners.get(name)).map(Owner::modelName);
  }

  /** The versions of it that have the name, the oldest first. */
  List<String> versionsOf(String name) {
    Owner owner = owners.get(name);
    return owner == null ? List.of() : owner.versions();
  }

  /** All names, in no order. */
  List<String> all() {
    return List.copyOf(owners.keySet());
  }

  private static List<String> with(List<String> versions, String version) {
    List<String> more = new ArrayList<>(versions);
    more.add(version);
    return List.copyOf(more);
  }
}
