package org.tsnext.server.check;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.util.List;
import org.tsnext.server.check.Finding.Level;

/**
 * The findings of a check, in the order in which a user meets them, for people and for programs.
 *
 * @param findings at least one
 */
public record Report(List<Finding> findings) {
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().serializeNulls().create();

  private static final String INDENT = " ".repeat(9);

  public Report {
    findings = List.copyOf(findings);
  }

  /** The worst level there is. */
  public Level result() {
    return findings.stream().map(Finding::level).max(Level::compareTo).orElse(Level.WORKS);
  }

  /** Lines for people; the last one is a summary. */
  public String text() {
    StringBuilder text = new StringBuilder();
    for (Finding finding : findings) {
      text.append(
          "%-9s%s: %s\n".formatted(finding.level().word(), finding.subject(), finding.what()));
      finding
          .remedy()
          .ifPresent(remedy -> text.append(INDENT).append("-> ").append(remedy).append('\n'));
    }
    return text.append(summary()).append('\n').toString();
  }

  /** The same as one JSON object. */
  public String json() {
    JsonObject counts = new JsonObject();
    for (Level level : Level.values()) {
      counts.addProperty(level.word(), count(level));
    }
    JsonArray all = new JsonArray();
    for (Finding finding : findings) {
      JsonObject one = new JsonObject();
      one.addProperty("level", finding.level().word());
      one.addProperty("subject", finding.subject());
      one.addProperty("what", finding.what());
      finding
          .remedy()
          .ifPresentOrElse(
              remedy -> one.addProperty("remedy", remedy),
              () -> one.add("remedy", JsonNull.INSTANCE));
      all.add(one);
    }
    JsonObject report = new JsonObject();
    report.addProperty("result", result().word());
    report.add("counts", counts);
    report.add("findings", all);
    return JSON.toJson(report) + "\n";
  }

  private String summary() {
    String verdict =
        switch (result()) {
          case FAILS -> "Does not work as it is";
          case DIFFERS -> "Works, differently in places";
          case WORKS -> "Works";
        };
    return "%s: %d fail, %d differ, %d work. Nothing was started or changed."
        .formatted(verdict, count(Level.FAILS), count(Level.DIFFERS), count(Level.WORKS));
  }

  private long count(Level level) {
    return findings.stream().filter(finding -> finding.level() == level).count();
  }
}
