package org.tsnext.archive;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.tsnext.archive.ArchiveException.Reason;

/**
 * The name of an archive entry, cut into components that stay inside any folder.
 *
 * @param shown the name as it may appear in messages
 * @param components folder names and, last, the entry's own; empty for the archive's root ({@code
 *     ./})
 */
record EntryName(String shown, List<String> components) {

  /** What file systems allow for one component. */
  private static final int MAX_COMPONENT_BYTES = 255;

  EntryName {
    components = List.copyOf(components);
  }

  /** Checks {@code name} as it stands in an archive. */
  static EntryName parse(String name, UnpackLimits limits) throws ArchiveException {
    String shown = PrintableText.of(name);
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > limits.maxNameBytes()) {
      throw invalid(
          "Entry name has " + bytes + " bytes, at most " + limits.maxNameBytes() + " are", shown);
    }
    if (name.isEmpty()) {
      throw new ArchiveException(Reason.INVALID, "Archive entry without a name");
    }
    if (name.indexOf('\0') >= 0) {
      throw invalid("Entry names with a NUL byte are not", shown);
    }
    if (name.indexOf('\\') >= 0) {
      throw invalid("Entry names with a backslash are not", shown);
    }
    if (name.startsWith("/") || hasDriveLetter(name)) {
      throw zipSlip(shown);
    }
    List<String> components = new ArrayList<>();
    for (String component : name.split("/", -1)) {
      if (component.equals("..")) {
        throw zipSlip(shown);
      }
      if (component.isEmpty() || component.equals(".")) {
        continue;
      }
      if (component.getBytes(StandardCharsets.UTF_8).length > MAX_COMPONENT_BYTES) {
        throw invalid(
            "Entry names with a part of more than " + MAX_COMPONENT_BYTES + " bytes are not",
            shown);
      }
      components.add(component);
    }
    return new EntryName(shown, components);
  }

  /** The refusal of a name that leads out of the folder. */
  static ArchiveException zipSlip(String shown) {
    return new ArchiveException(Reason.INVALID, "Detected Zip Slip vulnerability: " + shown);
  }

  private static ArchiveException invalid(String what, String shown) {
    return new ArchiveException(Reason.INVALID, what + " allowed: " + shown);
  }

  private static boolean hasDriveLetter(String name) {
    return name.length() >= 2
        && name.charAt(1) == ':'
        && Character.isLetter(name.charAt(0))
        && (name.length() == 2 || name.charAt(2) == '/');
  }
}
