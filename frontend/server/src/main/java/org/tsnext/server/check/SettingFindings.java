package org.tsnext.server.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.compatibility.Deviation;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.ListenerKeys;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.ModelsProperty;
import org.tsnext.server.settings.Remark;
import org.tsnext.server.settings.SettingProblem;
import org.tsnext.server.settings.SettingTable;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SettingsLoader.Inspection;

/** What there is to say of the settings themselves. */
public final class SettingFindings {
  private static final String BOOLEAN = "expected true or false";

  private SettingFindings() {}

  /** Of the file, its values, and what goes with it. */
  public static List<Finding> of(Inspection inspection) {
    Settings settings = inspection.settings();
    List<Finding> findings = new ArrayList<>();
    settings.file().ifPresent(file -> findings.addAll(ofFile(file)));
    inspection.problems().stream().map(SettingFindings::ofProblem).forEach(findings::add);
    for (Remark remark : settings.remarks()) {
      if (remark.kind() != Remark.Kind.NOT_SUPPORTED
          || !MetDeviations.isAbout(remark.subject(), settings)) {
        findings.add(ofRemark(remark));
      }
    }
    for (String warning :
        settings.find(ModelKeys.MODELS).map(ModelsProperty::warnings).orElse(List.of())) {
      findings.add(Finding.works("models", warning + "; it is ignored, as in TorchServe 0.12"));
    }
    return findings;
  }

  private static List<Finding> ofFile(ConfigFile file) {
    String name = file.path().toString();
    List<Finding> findings = new ArrayList<>();
    findings.add(
        Finding.works(
            name, "The settings file is read; it has %d keys".formatted(file.values().size())));
    if (file.hasUtf8Letters()) {
      findings.add(MetDeviations.differs(Deviation.SETTINGS_ENCODING, name));
    }
    return findings;
  }

  private static Finding ofProblem(SettingProblem problem) {
    return Finding.fails(problem.key(), problem.text(), remedy(problem));
  }

  private static String remedy(SettingProblem problem) {
    boolean flag =
        SettingTable.keys().stream()
            .filter(key -> key.name().equals(problem.key()))
            .anyMatch(key -> key.type().original().isPresent());
    if (flag && problem.text().endsWith(BOOLEAN)) {
      return "write true or false; TorchServe 0.12 took it for false, as compatibility=0.12 does";
    }
    if (problem.key().equals(ListenerKeys.KEYSTORE.name())) {
      return "give keystore_pass; TorchServe 0.12 took changeit without it";
    }
    return "give " + problem.key() + " a value as expected, or take it out";
  }

  private static Finding ofRemark(Remark remark) {
    String subject = remark.subject();
    String text = remark.text();
    return switch (remark.kind()) {
      case UNKNOWN_KEY ->
          Finding.works(subject, text, "correct the name, or take it out; 0.12 ignored it, too");
      case NOT_SUPPORTED ->
          new Finding(
              Finding.Level.DIFFERS,
              subject,
              text,
              Optional.of("take it out: the server starts without it"));
      case ODD_BOOLEAN -> Finding.works(subject, text, "write true or false");
      case JOINED_LINES -> MetDeviations.differs(Deviation.JOINED_LINES, subject, text);
      case VARIABLE_IGNORED -> Finding.works(subject, text, "0.12 ignored it, too");
      case INTERPRETER_NOT_USED ->
          Finding.works(subject, text, "take it out; the command of 0.12 took its own, too");
      case OPTION_WINS -> MetDeviations.differs(Deviation.SERVER_HOME, subject, text);
      case NO_EFFECT -> Finding.works(subject, text);
    };
  }
}
