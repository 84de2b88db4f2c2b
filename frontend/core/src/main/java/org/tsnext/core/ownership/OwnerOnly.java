package org.tsnext.core.ownership;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * With what a file or a folder is made that other users cannot use; nothing without POSIX modes.
 */
public final class OwnerOnly {

  private OwnerOnly() {}

  /** For a file (0600) in a folder that is there. */
  public static FileAttribute<?>[] file(Path folder) throws IOException {
    return mode(folder, "rw-------");
  }

  /** For a folder (0700) in one that is there. */
  public static FileAttribute<?>[] folder(Path parent) throws IOException {
    return mode(parent, "rwx------");
  }

  private static FileAttribute<?>[] mode(Path existing, String mode) throws IOException {
    return Files.getFileStore(existing).supportsFileAttributeView("posix")
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(mode))
        }
        : new FileAttribute<?>[0];
  }
}
