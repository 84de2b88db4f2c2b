package org.tsnext.core.model;

import java.util.List;
import java.util.Optional;
import org.tsnext.archive.ModelArchive;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.settings.VersionSettings;

/** Says what a registration would come to, and registers nothing. */
public final class ModelPreview {

  private final SettingsResolver resolver;
  private final int cpuCount;

  /**
   * @param server what a server of these settings decides
   */
  public ModelPreview(ServingSettings server) {
    this.resolver = new SettingsResolver(server, name -> false);
    this.cpuCount = server.machine().cpuCount();
  }

  /**
   * What would be served.
   *
   * @param handler {@code module:function}, {@code file.py} or the name of a default handler
   * @param envelope the request envelope around it
   * @param remarks what a person should hear about it on this machine
   */
  public record Version(
      VersionId id,
      String handler,
      Optional<String> envelope,
      VersionSettings settings,
      List<String> remarks) {

    public Version {
      remarks = List.copyOf(remarks);
    }
  }

  /**
   * What would hold for the version that {@code registration} registers.
   *
   * @throws ServingException if it would be refused
   */
  public Version of(RegisterModel registration, ModelArchive archive) {
    VersionSpec spec = resolver.resolve(registration, archive);
    return new Version(
        spec.model().id(),
        spec.model().handler(),
        spec.model().envelope(),
        spec.settings(),
        RankRemarks.of(spec.settings(), cpuCount).stream().toList());
  }
}
