package org.tsnext.server.settings;

import static org.tsnext.server.settings.SettingTypes.bool;
import static org.tsnext.server.settings.SettingTypes.bytes;
import static org.tsnext.server.settings.SettingTypes.integer;
import static org.tsnext.server.settings.SettingTypes.path;
import static org.tsnext.server.settings.SettingTypes.seconds;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Keys of jobs: requests whose client does not wait. */
public final class JobKeys {
  public static final SettingKey<Boolean> ENABLE_JOB_API =
      SettingKey.of(
              "enable_job_api",
              bool(),
              "Whether a prediction with the header Prefer: respond-async becomes a job: it is answered"
                  + " 202 at once, and /jobs/{id} tells what became of it; docs/jobs.md. Otherwise"
                  + " the header is ignored.")
          .withDefault("false");
  public static final SettingKey<Path> JOB_STORE =
      SettingKey.of(
          "job_store",
          path(),
          "A private directory of this server alone in which jobs are kept across a restart. If it is"
              + " empty they are kept in memory and go with the server.");
  public static final SettingKey<Integer> JOB_MAX_COUNT =
      SettingKey.of(
              "job_max_count",
              integer(1, 100_000),
              "Most jobs at a time, those that have ended included; further ones are refused (429).")
          .withDefault("1000");
  public static final SettingKey<Long> JOB_MAX_BYTES =
      SettingKey.of(
              "job_max_bytes",
              bytes(1, 1L << 50),
              "Most bytes of the requests of jobs that have not ended and the responses of those that"
                  + " have. A request beyond them is refused, and a job whose response has no room"
                  + " fails (507).")
          .withDefault(String.valueOf(256L << 20));
  public static final SettingKey<Duration> JOB_LIFETIME =
      SettingKey.of(
              "job_lifetime",
              seconds(1),
              "How long a job that has ended is kept, in seconds, unless its client deletes it.")
          .withDefault("3600");

  static final List<SettingKey<?>> ALL =
      List.of(ENABLE_JOB_API, JOB_STORE, JOB_MAX_COUNT, JOB_MAX_BYTES, JOB_LIFETIME);

  private JobKeys() {}
}
