package org.tsnext.archive;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The settings of bundled handlers by which a model brings code of its own that is not its handler:
 * off unless model-config.yaml switches them on, and told when it does.
 */
final class CodeSwitches {

  private static final List<String> MODULES =
      List.of(
          "tool_parser_plugin",
          "reasoning_parser_plugin",
          "logits_processors",
          "worker_cls",
          "worker_extension_cls",
          "middleware");

  private CodeSwitches() {}

  /** A sentence for each that is on. */
  static List<String> of(String file, Map<?, ?> config) {
    List<String> on = new ArrayList<>();
    if (!(config.get("handler") instanceof Map<?, ?> handler)) {
      return on;
    }
    trust(file + ": handler.", handler, on);
    if (Boolean.TRUE.equals(handler.get("allow_pickle"))) {
      on.add(file + ": handler.allow_pickle is true: the engine's processes exchange pickles");
    }
    if (isGiven(handler.get("plugins"))) {
      on.add(file + ": handler.plugins is set: the engine loads these installed plug-ins");
    }
    if (handler.get("vllm_engine_config") instanceof Map<?, ?> engine) {
      String prefix = file + ": handler.vllm_engine_config.";
      trust(prefix, engine, on);
      for (String key : MODULES) {
        if (isGiven(engine.get(key))) {
          on.add(prefix + key + " is set: the engine runs Python code that it names");
        }
      }
    }
    return on;
  }

  private static void trust(String prefix, Map<?, ?> section, List<String> on) {
    if (Boolean.TRUE.equals(section.get("trust_remote_code"))) {
      on.add(
          prefix
              + "trust_remote_code is true: Python code that comes with the weights runs in the"
              + " worker");
    }
  }

  private static boolean isGiven(Object value) {
    return value != null && !Boolean.FALSE.equals(value) && !List.of().equals(value);
  }
}
