package org.tsnext.server;

import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.Settings;

/** Where the file with the server's tokens goes. */
final class KeyFilePlace {
  private static final Logger LOGGER = LoggerFactory.getLogger(KeyFilePlace.class);

  private KeyFilePlace() {}

  /**
   * Returns the file that {@code key_file} names. KServe's containers may have a working folder
   * that is read-only, and nothing in their settings speaks of tokens: there it is the temporary
   * folder.
   *
   * @param workingFolder absolute
   * @param temporaryFolder of the server's surroundings
   */
  static Path of(Settings settings, Path workingFolder, Path temporaryFolder) {
    Path named = settings.get(SecurityKeys.KEY_FILE);
    if (settings.isSet(SecurityKeys.KEY_FILE)
        || !settings.kserve().on()
        || Files.isWritable(workingFolder)) {
      return named;
    }
    Path elsewhere = temporaryFolder.resolve(named.getFileName());
    LOGGER.info("The folder {} is not writable: the key file is {}", workingFolder, elsewhere);
    return elsewhere;
  }
}
